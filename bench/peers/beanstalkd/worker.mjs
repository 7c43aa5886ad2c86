// Worker: a connection for each call at once, each reserves, calls, deletes; what failed is released with a delay.

import { connect } from './tube.mjs';
import { CONCURRENCY, call, endOnSignal } from './call.mjs';

endOnSignal();
const ID_BYTES = 36;
const RETRY_S = 1;

async function work() {
    const client = await connect(true);
    for (;;) {
        const job = await client.reserve();
        try {
            await call(job.payload.toString('latin1', 0, ID_BYTES), job.payload.subarray(ID_BYTES));
            await client.delete(job.id);
        } catch {
            await client.release(job.id, { delay: RETRY_S });
        }
    }
}

await Promise.all(Array.from({ length: CONCURRENCY }, work));
