// The HTTP front of a peer that has none of its own: POST /commands is answered 202 {"id"} once submit(id, body) has resolved,
// that is when the store has said that the command is durable; 503 where it has not, or what the error's status says.
//
// keep: "bytes" gives submit the body as it came (no parse: a broker stores bytes), "json" the parsed value (a store of JSON).

import { randomUUID } from 'node:crypto';
import Fastify from 'fastify';

export async function serve({ submit, pending, keep, success = 202 }) {
    const app = Fastify({ logger: false, keepAliveTimeout: 75_000 });
    if (keep === 'bytes') {
        app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    }
    const schema = { response: { [success]: { type: 'object', properties: { id: { type: 'string' } } } } };
    app.post('/commands', { schema }, async (request, reply) => {
        const id = randomUUID();
        try {
            await submit(id, request.body);
        } catch (error) {
            reply.code(error.status ?? 503).header('Retry-After', '1');
            return { error: error.message };
        }
        reply.code(success);
        return { id };
    });
    app.get('/pending', async () => ({ pending: await pending() }));
    await app.listen({ host: '127.0.0.1', port: Number(process.env.ACCEPT_PORT), backlog: 4096 });
    for (const signal of ['SIGTERM', 'SIGINT']) {
        process.on(signal, () => process.exit(0));
    }
    return app;
}
