import { test } from 'vitest';
import { usePlace } from '../support/leftovers.js';
import { run, useServers } from '../server/kit/servers.js';
usePlace();
const servers = useServers();
test('huge', { timeout: 60_000 }, async () => {
  const server = await servers.start();
  const b = await servers.client(server, 'msgpack-frames', {keepBytes:false});
  for (const code of ["import sys; sys.exit('x' * 300_000_000)", "display({'a': 'x' * 300_000_000})", "input('x' * 300_000_000)", "raise ValueError(*['y'*100_000_000]*3)", "e = ValueError(); e.__notes__ = ['n' * 300_000_000]; raise e", "exec('x' * 300_000_000 + '!')", "class A: pass\nA.__name__ = 'q' * 300_000_000\nA()"]) {
    const d = await run(b, code, {stdin: 'none', value: 'repr'});
    const sizes = b.received.filter(({run})=>run===d.run).map((m)=>[m.event, JSON.stringify(m).length]);
    console.log(code.slice(0,40), d.status, JSON.stringify(d.reason ?? '').slice(0,200), sizes, server.status().generation);
    b.received.length = 0;
  }
});
