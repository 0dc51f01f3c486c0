import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, test } from 'vitest';
import { DEFAULT_SESSION_FILE, readSession, sessionPath } from '../../src/cli/session_file.js';
import { ROOT } from '../structure/sources.js';
import { openToOthers, usePlace } from '../support/leftovers.js';
import { findTool } from '../support/tools.js';

const STRANGER = 54_321;
const uid = process.geteuid?.() ?? -1;
const isRoot = uid === 0;
const setpriv = findTool('setpriv');

const place = usePlace();
const user = {
  uid,
  get cwd() {
    return place.work;
  },
};

function write(content: object | string, mode = 0o600): string {
  const path = place.path('s.json');
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  chmodSync(path, mode);
  return path;
}

const servers: Server[] = [];
// Runs before the place of the test is looked at for leftovers.
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.close();
    await once(server, 'close');
  }
});

async function listening(where: string | number): Promise<Server> {
  const server = typeof where === 'number' ? createServer().listen(where, '127.0.0.1') : createServer().listen(where);
  servers.push(server);
  await once(server, 'listening');
  return server;
}

describe('which session file is meant', () => {
  const of = (option?: string, env: Record<string, string> = {}) => sessionPath(option, { env, cwd: '/here' });

  test('the option, the environment, the default, in this order', () => {
    const env = { SOCK_PYTHON_SESSION: 'env.json' };
    expect(of('mine.json', env)).toEqual({ path: '/here/mine.json', isNamed: true });
    expect(of(undefined, env)).toEqual({ path: '/here/env.json', isNamed: true });
    expect(of(undefined, { SOCK_PYTHON_SESSION: '' })).toEqual({
      path: `/here/${DEFAULT_SESSION_FILE}`,
      isNamed: false,
    });
    expect(of('/abs/x.json')).toEqual({ path: '/abs/x.json', isNamed: true });
  });

  test('- means none', () => {
    expect(of('-')).toEqual({ path: null, isNamed: true });
    expect(of(undefined, { SOCK_PYTHON_SESSION: '-' })).toEqual({ path: null, isNamed: true });
  });

  test('an empty name is refused', () => {
    expect(() => of('')).toThrow('empty name');
  });
});

describe('a session file', () => {
  test('that is missing is no error', () => {
    expect(readSession(place.path('missing.json'), user)).toBeUndefined();
    expect(readSession(place.path('missing/s.json'), user)).toBeUndefined();
  });

  test('gives address, token and pid', () => {
    const path = write({ address: place.path('x.sock'), token: 'secret', pid: 42, protocol: 1 });
    expect(readSession(path, user)).toEqual({
      file: path,
      address: { kind: 'unix', path: place.path('x.sock') },
      token: 'secret',
      pid: 42,
      classic: false,
    });
  });

  test('of an original server has only an address, which may be relative or a wildcard', () => {
    expect(readSession(write({ address: 'x.sock' }), user)).toMatchObject({
      address: { kind: 'unix', path: place.path('x.sock') },
      classic: true,
    });
    expect(readSession(write({ address: '0.0.0.0:1' }), user)).toMatchObject({ classic: true });
    expect(readSession(write({ address: '127.0.0.1:1', protocol: 'classic' }), user)).toMatchObject({ classic: true });
  });

  test.each(['', 'x', '[]', 'null', '{}', '{"address": 5}', '{"address": ["127.0.0.1", 9887]}'])(
    'that holds %j is none',
    (text) => {
      expect(() => readSession(write(text), user)).toThrow('is not a session file');
    },
  );

  test('that is a link, a folder or too large is not followed', () => {
    write({ address: '/x.sock', protocol: 1 });
    symlinkSync('s.json', place.path('link.json'));
    mkdirSync(place.path('folder.json'));
    expect(() => readSession(place.path('link.json'), user)).toThrow('it is a symbolic link');
    expect(() => readSession(place.path('folder.json'), user)).toThrow('it is not a regular file');
    expect(() => readSession(write(' '.repeat(70_000)), user)).toThrow('it has 70000 bytes');
  });

  test.each([0o620, 0o602, 0o666, 0o664])('that others can write to (mode %o) is not followed', (mode) => {
    expect(() => readSession(write({ address: '/x.sock', protocol: 1 }, mode), user)).toThrow(
      `others can write to it (mode 0${mode.toString(8)})`,
    );
  });

  test.each(['10.0.0.1:80', '0.0.0.0:80', '[::]:80', 'example.com:80', 'localhost.evil:80'])(
    'that names %s is not followed',
    (address) => {
      expect(() => readSession(write({ address, protocol: 1 }), user)).toThrow('is not followed: it names');
    },
  );

  test('that names something else than a socket is not followed', () => {
    writeFileSync(place.path('plain'), '');
    expect(() => readSession(write({ address: place.path('plain'), protocol: 1 }), user)).toThrow(
      'which is not a socket',
    );
  });

  test('that names a socket or a port of ours is followed', async () => {
    await listening(place.path('own.sock'));
    const { port } = (await listening(0)).address() as AddressInfo;
    expect(readSession(write({ address: place.path('own.sock'), protocol: 1 }), user)).toBeDefined();
    expect(readSession(write({ address: `127.0.0.1:${port}`, protocol: 1 }), user)).toBeDefined();
  });

  test("a root's file counts as somebody else's, a root's socket does not", async () => {
    await listening(place.path('own.sock'));
    const path = write({ address: place.path('own.sock'), protocol: 1 });
    expect(() => readSession(path, { ...user, uid: STRANGER })).toThrow(`it belongs to user ${uid}, not to you`);
  });
});

describe.skipIf(!isRoot)("somebody else's", () => {
  test('session file is not followed', () => {
    const path = write({ address: '/x.sock', protocol: 1 });
    chownSync(path, STRANGER, STRANGER);
    expect(() => readSession(path, user)).toThrow(`it belongs to user ${STRANGER}, not to you (0)`);
  });

  test('socket is not sent to', async () => {
    await listening(place.path('s.sock'));
    chownSync(place.path('s.sock'), STRANGER, STRANGER);
    const path = write({ address: place.path('s.sock'), protocol: 1 });
    expect(() => readSession(path, user)).toThrow(`a socket of user ${STRANGER}, not yours`);
    chownSync(path, STRANGER + 1, STRANGER);
    chownSync(place.path('s.sock'), 0, 0);
    expect(readSession(path, { ...user, uid: STRANGER + 1 })).toBeDefined();
  });

  test.skipIf(setpriv === undefined)('port is not sent to, in any dialect', async () => {
    openToOthers(place);
    const program = "require('net').createServer().listen(0,'127.0.0.1',function(){console.log(this.address().port)})";
    const ids = [`--reuid=${STRANGER}`, `--regid=${STRANGER}`, '--clear-groups'];
    const child = spawn(setpriv ?? '', [...ids, process.execPath, '-e', program], {
      cwd: place.work,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [port] = await once(createInterface(child.stdout), 'line');
    try {
      for (const protocol of [1, 'classic']) {
        const path = write({ address: `127.0.0.1:${port}`, token: 't', protocol });
        expect(() => readSession(path, user)).toThrow(`port ${port}, on which user ${STRANGER} listens`);
      }
    } finally {
      child.kill();
      await once(child, 'exit');
    }
  });
});

test('the example shows every field, and nothing that could be followed', () => {
  const example = JSON.parse(readFileSync(`${ROOT}/.sock_python.json.example`, 'utf8'));
  expect(example).toMatchObject({ address: expect.any(String), token: expect.any(String), protocol: 1 });
});
