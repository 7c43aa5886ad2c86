// Worker: a job whose call has succeeded is completed (and removed) in one script in Redis, which hands out the next one with it.

import { Worker } from 'bullmq';
import { QUEUE, redis } from './queue.mjs';
import { CONCURRENCY, call, endOnSignal } from './call.mjs';

endOnSignal();
const worker = new Worker(QUEUE, (job) => call(job.id, JSON.stringify(job.data)), {
    connection: { ...redis, maxRetriesPerRequest: null },
    concurrency: CONCURRENCY,
});
worker.on('error', (error) => console.error(error.message));
