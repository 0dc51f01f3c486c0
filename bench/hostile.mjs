/**
 * How interrupting each hostile snippet ends, and after how many milliseconds, under each interpreter given:
 * `node bench/hostile.mjs PYTHON...` prints a table in Markdown.
 */
import { readFileSync } from 'node:fs';
import { connect, startServer } from '../dist/index.js';

const SNIPPETS = JSON.parse(readFileSync(new URL('../test/interrupts/hostile_snippets.json', import.meta.url), 'utf8'));
const GRACE_MS = 2000;

const columns = [];
for (const python of process.argv.slice(2)) columns.push(await column(python));
const versions = columns.map(({ version }) => version);
console.log(`| snippet | ${versions.join(' | ')} |\n|---|${versions.map(() => '---|').join('')}`);
for (const [at, { name }] of SNIPPETS.entries()) {
  console.log(`| ${name} | ${columns.map(({ cells }) => cells[at]).join(' | ')} |`);
}

/** One interpreter's outcomes, in the order of the snippets. */
async function column(python) {
  const server = await startServer({ python });
  const { version } = server.python;
  const session = await connect(server.address);
  const cells = [];
  for (const snippet of SNIPPETS) cells.push(await cell(session, snippet));
  await session.close();
  await server.close();
  return { version, cells };
}

async function cell(session, { code, outcomes, value, stdin }) {
  const run = session.run(code, { ...(value && { value }), ...(stdin && { stdin }), collect: false });
  for await (const event of run) if (event.event === 'get') break;
  // The snippet is on its way into whatever it will not leave.
  await new Promise((resolve) => setTimeout(resolve, 100));
  const graceMs = outcomes[0] === 'killed' ? 300 : GRACE_MS;
  const { outcome, ms } = await run.interrupt({ graceMs, kill: true });
  await run.result;
  return `${outcome}, ${ms < 10 ? ms.toFixed(1) : Math.round(ms)}`;
}
