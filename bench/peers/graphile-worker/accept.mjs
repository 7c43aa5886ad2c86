// Producer: add_jobs() for what has arrived while the transaction before committed. One add_job() a command, as it is mostly written,
// costs PostgreSQL several times as much.

import { makeWorkerUtils } from 'graphile-worker';
import { connect } from './database.mjs';
import { serve } from './accept-http.mjs';
import { gather } from './gather.mjs';

const pool = connect(8);
const utils = await makeWorkerUtils({ pgPool: pool });
await utils.migrate();
const BATCH_MOST = 500;
const add = gather((jobs) => utils.addJobs(jobs), BATCH_MOST);

await serve({
    keep: 'json',
    submit: (id, body) => add({ identifier: 'call', payload: { id, body }, maxAttempts: 1000 }),
    pending: async () => Number((await pool.query('select count(*) from graphile_worker.jobs')).rows[0].count),
});
