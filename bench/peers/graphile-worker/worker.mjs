// Worker: takes jobs from the table many at a time (localQueue), and deletes those that have succeeded in batches.

import { Logger, makeWorkerUtils, run } from 'graphile-worker';
import { connect } from './database.mjs';
import { CONCURRENCY, call } from './call.mjs';

const pool = connect(16);
const logger = new Logger(() => (level, message) => { if (level === 'error') { console.error(message); } });

// The jobs of a worker that was killed stay locked for four hours. This is the only worker there is: locks that it finds when it
// starts are an earlier life's.
const utils = await makeWorkerUtils({ pgPool: pool, logger });
await utils.migrate();
const locked = await pool.query('select distinct locked_by from graphile_worker.jobs where locked_by is not null');
await utils.forceUnlockWorkers(locked.rows.map((row) => row.locked_by));

const runner = await run({
    pgPool: pool,
    logger,
    noHandleSignals: false,
    taskList: { call: ({ id, body }) => call(id, JSON.stringify(body)) },
    preset: {
        worker: {
            concurrentJobs: CONCURRENCY,
            pollInterval: 1_000,
            localQueue: { size: 4 * CONCURRENCY },
            completeJobBatchDelay: 0,
            failJobBatchDelay: 0,
        },
    },
});
await runner.promise;
