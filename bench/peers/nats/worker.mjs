// Worker: pulls ahead, calls many at once, acknowledges after the call; what failed comes back a second later.

import { jetstream } from '@nats-io/jetstream';
import { CONSUMER, STREAM, connect } from './stream.mjs';
import { CONCURRENCY, call, endOnSignal } from './call.mjs';

endOnSignal();
const { connection } = await connect();
const consumer = await jetstream(connection).consumers.get(STREAM, CONSUMER);

let running = 0;
let wake = () => {};

async function carry(message) {
    try {
        await call(message.headers.get('id'), message.data);
        message.ack();
    } catch {
        message.nak(1_000);
    }
    running--;
    wake();
}

for await (const message of await consumer.consume({ max_messages: 2 * CONCURRENCY })) {
    running++;
    carry(message);
    if (running >= CONCURRENCY) {
        await new Promise((resolve) => { wake = resolve; });
    }
}
