/** Packs the package, installs the tarball into an empty folder, and uses it as a stranger would. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ROOT } from '../structure/sources.js';
import { anyInterpreter } from '../support/interpreters.js';
import { leftovers } from '../support/leftovers.js';

const INSTALL_TIMEOUT_MS = 300_000;
/** Everything that may be in the tarball; `dist/` alone is open-ended. */
const SHIPPED = [
  /^dist\/.*\.(js|d\.ts)$/,
  /^bin\/sock-python\.js$/,
  /^python\/(session_kernel|sock_client)\.py$/,
  /^\.sock_python\.json\.example$/,
  /^(package\.json|README\.md|LICENSE|CHANGELOG\.md)$/,
];

let root = '';
let packed: readonly string[] = [];

/** Runs a program in the folder where the package is installed. */
function inFolder(command: string, args: readonly string[], input = ''): string {
  const env = { ...process.env, TMPDIR: join(root, 'tmp'), XDG_RUNTIME_DIR: join(root, 'runtime') };
  const options = { cwd: join(root, 'work'), env, input, encoding: 'utf8', timeout: INSTALL_TIMEOUT_MS } as const;
  const { status, stdout, stderr, error } = spawnSync(command, args, options);
  if (error !== undefined) throw error;
  expect(status, `${command} ${args.join(' ')}\n${stdout}\n${stderr}`).toBe(0);
  return stdout;
}

const bin = (...args: string[]): string => inFolder(join(root, 'work', 'node_modules', '.bin', 'sock-python'), args);

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'sp-'));
  for (const folder of ['work', 'tmp', 'runtime', 'pack']) mkdirSync(join(root, folder), { mode: 0o700 });
  const cache = ['--cache', process.env.npm_config_cache ?? join(homedir(), '.npm')];
  const described = inFolder('npm', [
    'pack',
    ROOT,
    '--json',
    '--silent',
    '--pack-destination',
    join(root, 'pack'),
    ...cache,
  ]);
  const [{ filename, files }] = JSON.parse(described.slice(described.indexOf('[\n')));
  packed = files.map(({ path }: { path: string }) => path);
  writeFileSync(join(root, 'work', 'package.json'), '{"private": true, "type": "module"}');
  inFolder('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', ...cache, join(root, 'pack', filename)]);
}, INSTALL_TIMEOUT_MS);

afterAll(async () => {
  rmSync(join(root, 'tmp', 'node-compile-cache'), { recursive: true, force: true });
  const left = await leftovers(root);
  rmSync(root, { recursive: true, force: true });
  expect(left).toEqual([]);
});

test('the tarball holds what is needed to run, and nothing else', () => {
  expect(packed.filter((path) => !SHIPPED.some((pattern) => pattern.test(path)))).toEqual([]);
  for (const path of ['dist/index.js', 'dist/index.d.ts', 'bin/sock-python.js', 'python/session_kernel.py']) {
    expect(packed).toContain(path);
  }
});

test('every source has its compiled file in the tarball, and no other is there', () => {
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' });
  const expected = sources.filter((name) => name.endsWith('.ts')).map((name) => `dist/${name.replace(/\.ts$/, '.js')}`);
  expect(packed.filter((path) => path.startsWith('dist/') && path.endsWith('.js')).sort()).toEqual(expected.sort());
});

test('the command serves a session, runs a snippet and stops', { timeout: 60_000 }, () => {
  bin('start', './s.sock', '--python', anyInterpreter().path);
  expect(bin('run', '-c', 'x = 6')).toBe('');
  expect(bin('run', '-c', 'get(x * 7)').trim()).toBe('42');
  bin('stop');
});

test('the import serves a session and runs a snippet', { timeout: 60_000 }, () => {
  const program = `
    import { runSnippet, startServer } from 'sock-python';
    const server = await startServer({ address: './imported.sock', python: process.argv[2] });
    const { output, exception } = await runSnippet('./imported.sock', 'get(6 * 7)');
    await server.close();
    console.log(JSON.stringify({ output, exception }));
  `;
  writeFileSync(join(root, 'work', 'program.js'), program);
  const printed = inFolder(process.execPath, ['program.js', anyInterpreter().path]);
  expect(JSON.parse(printed)).toEqual({ output: '42', exception: '' });
});

test('its types are found, and hold under strict checks', { timeout: 60_000 }, () => {
  copyFileSync(join(ROOT, 'test', 'package', 'fixtures', 'consumer.ts'), join(root, 'work', 'consumer.ts'));
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const types = ['--typeRoots', join(ROOT, 'node_modules', '@types'), '--types', 'node'];
  const strict = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--skipLibCheck', 'false'];
  const target = ['--target', 'es2023', '--lib', 'es2023,esnext.disposable', '--module', 'nodenext'];
  expect(inFolder(process.execPath, [tsc, ...types, ...strict, ...target, 'consumer.ts'])).toBe('');
});

test('its package.json can be imported, and names an existing file for each way in', () => {
  const manifest = JSON.parse(readFileSync(join(root, 'work', 'node_modules', 'sock-python', 'package.json'), 'utf8'));
  const named = [
    manifest.bin['sock-python'],
    manifest.exports['.'].types,
    manifest.exports['.'].default,
    manifest.types,
  ];
  for (const path of named) expect(packed).toContain(path.replace(/^\.\//, ''));
  inFolder(process.execPath, ['-e', "import('sock-python/package.json', { with: { type: 'json' } })"]);
});
