// What producer and worker agree on.

export const QUEUE = 'commands';

export const redis = { host: '127.0.0.1', port: Number(process.env.STORE_PORT), enableAutoPipelining: true };
