/**
 * One session server in a process of its own: `server.mjs SOCKET PYTHON [standby]`. Says on stdout that it listens, with the
 * pids, as one JSON line; ends when its stdin does.
 */
import { startServer } from '../dist/index.js';

const [, , address, python, standby] = process.argv;
const server = await startServer({ address, python, standby: standby === 'standby' });
process.stdout.write(`${JSON.stringify({ address, serverPid: process.pid })}\n`);
process.stdin.resume();
process.stdin.once('end', () => void server.close());
