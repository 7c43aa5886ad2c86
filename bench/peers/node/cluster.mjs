// node cluster.mjs SCRIPT COUNT: that many processes of SCRIPT on one port. The end of one ends all, for the service manager to see.

import cluster from 'node:cluster';

cluster.setupPrimary({ exec: process.argv[2] });
for (let index = 0; index < Number(process.argv[3]); index++) {
    cluster.fork();
}
let ending = false;
function end(code) {
    if (!ending) {
        ending = true;
        for (const worker of Object.values(cluster.workers)) {
            worker.process.kill('SIGTERM');
        }
        process.exit(code);
    }
}
cluster.on('exit', () => end(1));
for (const signal of ['SIGTERM', 'SIGINT']) {
    process.on(signal, () => end(0));
}
