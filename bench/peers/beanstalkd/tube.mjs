// What producer and worker agree on. beanstalkd answers a connection's commands one by one: as many connections as commands at once.

import Jackd from 'jackd';

const TUBE = 'commands';

export async function connect(watch) {
    const client = new Jackd();
    await client.connect({ host: '127.0.0.1', port: Number(process.env.STORE_PORT) });
    // As a service manager wants it: a lost connection ends the process, which is started again.
    client.socket.on('error', (error) => console.error(error.message));
    client.socket.on('close', () => process.exit(1));
    if (watch) {
        await client.watch(TUBE);
        await client.ignore('default');
    } else {
        await client.use(TUBE);
    }
    return client;
}

export async function unfinished(client) {
    const stats = await client.statsTube(TUBE);
    const count = (name) => Number(new RegExp(`^current-jobs-${name}: (\\d+)`, 'm').exec(stats)[1]);
    return count('ready') + count('reserved') + count('delayed') + count('buried');
}
