/** A server in a process of its own, for tests that kill it. Its options come as JSON in argv; it prints where it is. */
import { startServer } from '../../../dist/server/start_server.js';

const server = await startServer(JSON.parse(process.argv[2]));
process.stdout.write(
  `${JSON.stringify({ address: server.address, kernelPid: server.kernelPid, token: server.token })}\n`,
);
await server.closed;
