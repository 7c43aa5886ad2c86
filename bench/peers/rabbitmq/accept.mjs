// Producer: one confirm channel with any number of messages unconfirmed; each 202 waits for its own confirm.

import { LATER, QUEUE, connect, declare } from './queue.mjs';
import { serve } from './accept-http.mjs';

const connection = await connect();
const channel = await connection.createConfirmChannel();
await declare(channel);

await serve({
    keep: 'bytes',
    submit: (id, body) =>
        new Promise((resolve, reject) => {
            const options = { persistent: true, mandatory: true, messageId: id, contentType: 'application/json' };
            channel.publish('', QUEUE, body, options, (error) => (error ? reject(error) : resolve()));
        }),
    // Without what a consumer has in hand.
    pending: async () => (await channel.checkQueue(QUEUE)).messageCount + (await channel.checkQueue(LATER)).messageCount,
});
