// The handler that Restate calls for each command; its return is recorded as the command's end, a throw is tried again later. With
// one step only, the step needs no ctx.run of its own: that would be one more durable write.

import './with-resolvers.mjs';
import http2 from 'node:http2';
import * as restate from '@restatedev/restate-sdk';
import { call, endOnSignal } from './call.mjs';

endOnSignal();
const commands = restate.service({
    name: 'commands',
    handlers: {
        // Bytes in: the body is passed on as it came, unparsed.
        carry: restate.handlers.handler(
            { accept: 'application/json', input: restate.serde.binary, journalRetention: { milliseconds: 0 } },
            async (context, body) => { await call(context.request().id, body); },
        ),
    },
});

// Request and response: a handler that never waits for Restate needs no stream in both directions.
const handler = restate.createEndpointHandler({ services: [commands], bidirectional: false });
http2.createServer(handler).listen(Number(process.env.HANDLER_PORT), '127.0.0.1');
