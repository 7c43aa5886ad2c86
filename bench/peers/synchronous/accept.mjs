// What is written where there is no Holdfast: the third party is called inside the user's request, 10 s at most for each try, and
// what failed is tried twice more after a short pause. 200 says that it was done; 502 and 504 leave the user to try again.

import { randomUUID } from 'node:crypto';
import { serve } from './accept-http.mjs';
import { call, pause } from './call.mjs';

const TRIES = 3;
const PAUSE_MS = 200;

let open = 0;

async function callInside(id, body) {
    open++;
    try {
        for (let tried = 1; ; tried++) {
            try {
                return await call(id, body);
            } catch (error) {
                if (tried === TRIES) {
                    const late = error.code?.includes('TIMEOUT');
                    throw Object.assign(error, { status: late ? 504 : 502 });
                }
                await pause(PAUSE_MS * 2 ** (tried - 1) * (0.5 + Math.random()));
            }
        }
    } finally {
        open--;
    }
}

await serve({ keep: 'bytes', success: 200, submit: callInside, pending: async () => open });
