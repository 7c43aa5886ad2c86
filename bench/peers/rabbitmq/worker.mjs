// Worker: acknowledges after the call; what failed goes to the queue of those that come back.

import http from 'node:http';
import { QUEUE, connect, declare } from './queue.mjs';
import { CONCURRENCY, call, endOnSignal } from './call.mjs';

endOnSignal();
const connection = await connect();
const channel = await connection.createChannel();
await declare(channel);
// Twice as many as calls at once: the next one is here when a call ends.
await channel.prefetch(2 * CONCURRENCY);
let running = 0;
const waiting = [];

async function carry(message) {
    running++;
    try {
        await call(message.properties.messageId, message.content);
        channel.ack(message);
    } catch {
        channel.nack(message, false, false);
    }
    running--;
    if (waiting.length > 0) {
        carry(waiting.shift());
    }
}

// What the queue no longer counts as ready and this worker has not acknowledged yet.
http.createServer((_request, response) => response.end(JSON.stringify({ pending: running + waiting.length })))
    .listen(Number(process.env.WORKER_PORT), '127.0.0.1');

await channel.consume(QUEUE, (message) => {
    if (message === null) {
        process.exit(1); // The queue was deleted
    }
    if (running < CONCURRENCY) {
        carry(message);
    } else {
        waiting.push(message);
    }
});
