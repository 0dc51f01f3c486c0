/** Holds the table of rooms in `docs/architecture.md`: who may import whom, and who may touch what. */
import { describe, expect, test } from 'vitest';
import { readText, roomOf, type SourceFile, sourceFiles } from './sources.js';

const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  transport: ['protocol'],
  kernel: ['protocol', 'transport'],
  control: ['protocol', 'transport'],
  client: ['protocol', 'transport', 'version'],
  server: ['protocol', 'transport', 'kernel', 'control', 'version'],
  cli: ['protocol', 'transport', 'kernel', 'control', 'client', 'server', 'index', 'version'],
  index: ['protocol', 'control', 'client', 'server', 'version'],
  version: [],
};
/** Of `protocol`, the public index may pass on types, errors, limits and addresses; never a codec. */
const PUBLIC_PROTOCOL = /^protocol\/(messages|errors|limits|address)\.ts$/;
const IMPURE =
  /^node:(net|fs|fs\/promises|child_process|timers|timers\/promises|os|http|https|tls|dgram|worker_threads)$/;
const TIMERS = /\b(setTimeout|setInterval|setImmediate)\s*\(/;
const MAX_LINE_COUNT = 300;

const files = sourceFiles();

function offenders(isOffence: (file: SourceFile) => boolean): readonly string[] {
  return files.filter(isOffence).map(({ name }) => name);
}

describe('the rooms of src/', () => {
  test('every file lies in a room that the table knows', () => {
    expect(offenders(({ room }) => !(room in MAY_IMPORT))).toEqual([]);
  });

  test('a room imports only the rooms that it may', () => {
    const crossings = files.flatMap((file) =>
      file.ours
        .map((name) => ({ name, room: roomOf(name) }))
        .filter(({ room }) => room !== file.room && !MAY_IMPORT[file.room]?.includes(room))
        .map(({ name }) => `${file.name} -> ${name}`),
    );
    expect(crossings).toEqual([]);
  });

  test("the public index passes on protocol's words, not its codecs", () => {
    const index = files.filter(({ room }) => room === 'index').flatMap(({ ours }) => ours);
    expect(index.filter((name) => name.startsWith('protocol/') && !PUBLIC_PROTOCOL.test(name))).toEqual([]);
  });

  test('no import leads in a circle', () => {
    expect(cycles()).toEqual([]);
  });

  test('every import of ours names a file that is there', () => {
    const names = new Set(files.map(({ name }) => name));
    const missing = files.flatMap((file) =>
      file.ours.filter((name) => !names.has(name)).map((n) => `${file.name} -> ${n}`),
    );
    expect(missing).toEqual([]);
  });
});

describe('what only some rooms may touch', () => {
  test('protocol is pure: no sockets, files, processes or timers', () => {
    const inProtocol = ({ room }: SourceFile): boolean => room === 'protocol';
    expect(offenders((file) => inProtocol(file) && file.others.some((name) => IMPURE.test(name)))).toEqual([]);
    expect(offenders((file) => inProtocol(file) && TIMERS.test(file.code))).toEqual([]);
  });

  test('node:net is imported in transport alone', () => {
    expect(offenders(({ room, others }) => room !== 'transport' && others.includes('node:net'))).toEqual([]);
  });

  test('child_process is imported in kernel, and in one file of cli', () => {
    const users = files.filter(({ others }) => others.includes('node:child_process'));
    expect(users.filter(({ room }) => room !== 'kernel' && room !== 'cli').map(({ name }) => name)).toEqual([]);
    expect(users.filter(({ room }) => room === 'cli').length).toBeLessThanOrEqual(1);
  });

  test('environment, exit and console belong to cli', () => {
    const touches = /\bprocess\.(env|exit|exitCode|argv)\b|\bconsole\./;
    expect(offenders(({ room, code }) => room !== 'cli' && touches.test(code))).toEqual([]);
  });

  test('msgpackr has one importer, commander one room', () => {
    const imports = (file: SourceFile, name: string): boolean =>
      file.others.some((other) => other === name || other.startsWith(`${name}/`));
    expect(offenders((file) => imports(file, 'msgpackr') && file.name !== 'protocol/msgpack.ts')).toEqual([]);
    expect(offenders((file) => imports(file, 'commander') && file.room !== 'cli')).toEqual([]);
  });

  test('what is imported is Node itself and the dependencies of the package, all of them', () => {
    const { dependencies } = JSON.parse(readText('package.json'));
    const imported = files.flatMap(({ others }) => others).filter((name) => !name.startsWith('node:'));
    const packages = new Set(imported.map((name) => name.split('/')[0] ?? ''));
    expect([...packages].sort()).toEqual(Object.keys(dependencies).sort());
  });
});

describe('form', () => {
  test(`no file is longer than ${MAX_LINE_COUNT} lines`, () => {
    expect(offenders(({ lineCount }) => lineCount > MAX_LINE_COUNT)).toEqual([]);
  });

  test('exports are named', () => {
    expect(offenders(({ code }) => /\bexport default\b/.test(code))).toEqual([]);
  });

  test('index.ts holds nothing but re-exports', () => {
    const index = files.find(({ name }) => name === 'index.ts');
    const rest = index?.code.replace(/export\s+(type\s+)?(\*|\{[^}]*\})\s+from\s+'[^']+';/g, '').trim();
    expect(rest).toBe('');
  });
});

/** Each import cycle once (types may refer to each other, modules may not), as a path of names. */
function cycles(): readonly string[] {
  const graph = new Map(files.map(({ name, oursAtRunTime }) => [name, oursAtRunTime]));
  const finished = new Set<string>();
  const found: string[] = [];
  const visit = (name: string, path: readonly string[]): void => {
    if (path.includes(name)) found.push([...path.slice(path.indexOf(name)), name].join(' -> '));
    if (path.includes(name) || finished.has(name)) return;
    for (const next of graph.get(name) ?? []) visit(next, [...path, name]);
    finished.add(name);
  };
  for (const name of graph.keys()) visit(name, []);
  return found;
}
