// Producer: publishes without waiting for the one before; each 202 waits for its own acknowledgement from the stream.

import { jetstream } from '@nats-io/jetstream';
import { headers } from '@nats-io/transport-node';
import { STREAM, connect } from './stream.mjs';
import { serve } from './accept-http.mjs';

const { connection, manager } = await connect();
const stream = jetstream(connection);

await serve({
    keep: 'bytes',
    submit: (id, body) => {
        const named = headers();
        named.set('id', id);
        return stream.publish(STREAM, body, { headers: named, timeout: 10_000 });
    },
    // A work queue holds what is not acknowledged.
    pending: async () => (await manager.streams.info(STREAM)).state.messages,
});
