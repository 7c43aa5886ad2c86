// Producer: add() for each command, pipelined, so that those of one turn of the event loop share Redis's fsync; it resolves when
// Redis has answered, after that fsync. (addBulk() over what has gathered was tried too, and cost as much.)

import { Queue } from 'bullmq';
import { QUEUE, redis } from './queue.mjs';
import { serve } from './accept-http.mjs';

const queue = new Queue(QUEUE, {
    // BullMQ's guide for producers behind HTTP: fail at once while Redis is away, so that the client can be told.
    connection: { ...redis, enableOfflineQueue: false, maxRetriesPerRequest: 1 },
    defaultJobOptions: {
        attempts: 1000,
        backoff: { type: 'exponential', delay: 1_000, jitter: 0.5 },
        removeOnComplete: true,
    },
});
queue.on('error', (error) => console.error(error.message));
await queue.waitUntilReady();

await serve({
    keep: 'json',
    submit: (id, body) => queue.add('call', body, { jobId: id }),
    pending: () => queue.getJobCountByTypes('waiting', 'active', 'delayed', 'prioritized', 'failed', 'paused'),
});
