// What producer and worker agree on: a quorum queue, and beside it the usual way to try again later, a queue without a consumer whose
// messages come back by its time-to-live.

import amqp from 'amqplib';

export const QUEUE = 'commands';
export const LATER = 'commands.later';

export async function connect() {
    const connection = await amqp.connect({ hostname: '127.0.0.1', port: Number(process.env.STORE_PORT), heartbeat: 30 }, { noDelay: true });
    // As a service manager wants it: a lost connection ends the process, which is started again.
    connection.on('error', (error) => console.error(error.message));
    connection.on('close', () => process.exit(1));
    return connection;
}

export async function declare(channel) {
    const quorum = { 'x-queue-type': 'quorum', 'x-overflow': 'reject-publish', 'x-dead-letter-strategy': 'at-least-once' };
    await channel.assertQueue(QUEUE, {
        durable: true,
        arguments: { ...quorum, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': LATER },
    });
    await channel.assertQueue(LATER, {
        durable: true,
        arguments: { ...quorum, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': QUEUE, 'x-message-ttl': 1_000 },
    });
}
