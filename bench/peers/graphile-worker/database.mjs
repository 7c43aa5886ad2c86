// What producer and worker agree on.

import pg from 'pg';

export function connect(connections) {
    const where = { host: '127.0.0.1', port: Number(process.env.STORE_PORT), user: 'postgres', database: 'postgres' };
    const pool = new pg.Pool({ ...where, max: connections, idleTimeoutMillis: 0, connectionTimeoutMillis: 5_000 });
    const report = (error) => console.error(error.message);
    pool.on('error', report);
    pool.on('connect', (client) => client.on('error', report));
    return pool;
}
