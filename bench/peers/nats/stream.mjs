// What producer and worker agree on: a work queue in a file, and one durable consumer that asks for acknowledgements.

import { connect as dial, nanos } from '@nats-io/transport-node';
import { AckPolicy, DiscardPolicy, RetentionPolicy, StorageType, jetstreamManager } from '@nats-io/jetstream';

export const STREAM = 'commands';
export const CONSUMER = 'worker';

export async function connect() {
    const servers = `127.0.0.1:${process.env.STORE_PORT}`;
    const connection = await dial({ servers, maxReconnectAttempts: -1, reconnectTimeWait: 250, ignoreClusterUpdates: true });
    const manager = await jetstreamManager(connection);
    await manager.streams.add({
        name: STREAM,
        subjects: [STREAM],
        retention: RetentionPolicy.Workqueue,
        storage: StorageType.File,
        discard: DiscardPolicy.New,
        num_replicas: 1,
    });
    await manager.consumers.add(STREAM, {
        durable_name: CONSUMER,
        ack_policy: AckPolicy.Explicit,
        ack_wait: nanos(30_000),
        max_ack_pending: 4096,
        max_deliver: -1,
    });
    return { connection, manager };
}
