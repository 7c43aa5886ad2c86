// The call of the third party, the same for every peer: one POST over kept connections, 10 s at most, and what is not a 2xx throws.

import { Pool } from 'undici';

// As many as commands in hand: none waits for a connection.
export const CONCURRENCY = Number(process.env.CONCURRENCY ?? 128);
const TIMEOUT_MS = 10_000;

const url = new URL(process.env.THIRD_PARTY);
const pool = new Pool(url.origin, {
    connections: CONCURRENCY,
    pipelining: 1,
    keepAliveTimeout: 60_000,
    connect: { timeout: 3_000 },
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
});

export async function call(id, body) {
    const answer = await pool.request({
        method: 'POST',
        path: url.pathname,
        headers: { 'content-type': 'application/json', 'idempotency-key': id },
        body,
    });
    await answer.body.dump();
    if (answer.statusCode < 200 || answer.statusCode > 299) {
        throw new Error(`the third party answered ${answer.statusCode}`);
    }
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export function endOnSignal() {
    for (const signal of ['SIGTERM', 'SIGINT']) {
        process.on(signal, () => process.exit(0));
    }
}
