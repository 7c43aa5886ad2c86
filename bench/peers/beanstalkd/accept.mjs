// Producer: a put for each command, over the connection with the fewest under way.

import { connect, unfinished } from './tube.mjs';
import { serve } from './accept-http.mjs';

const CONNECTIONS = 64;
// A job that its worker neither deletes nor gives back in that time is given to another.
const TIME_TO_RUN_S = 60;

const idle = await Promise.all(Array.from({ length: CONNECTIONS }, () => connect(false)));
const statistics = await connect(false);
const waiting = [];

async function put(text) {
    const client = idle.pop() ?? (await new Promise((resolve) => waiting.push(resolve)));
    try {
        return await client.put(text, { ttr: TIME_TO_RUN_S });
    } finally {
        const next = waiting.shift();
        if (next) {
            next(client);
        } else {
            idle.push(client);
        }
    }
}

await serve({
    keep: 'bytes',
    // The id goes before the body: beanstalkd's own are numbers that begin again with a new log. A string, since the client turns
    // anything else into JSON.
    submit: (id, body) => put(id + body.toString()),
    pending: () => unfinished(statistics),
});
