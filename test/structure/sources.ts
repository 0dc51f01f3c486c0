/** The project's own sources as data: what each file of `src/` imports and says, comments left out. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT: string = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const SRC = join(ROOT, 'src');

export interface SourceFile {
  /** Relative to `src/`, like `kernel/launcher.ts`. */
  readonly name: string;
  /** See `roomOf`. */
  readonly room: string;
  readonly lineCount: number;
  /** The text without comments. */
  readonly code: string;
  /** Files of ours that it imports, relative to `src/`, types too. */
  readonly ours: readonly string[];
  /** Those of them that are still imported when the types are gone. */
  readonly oursAtRunTime: readonly string[];
  /** Packages and `node:` modules that it imports. */
  readonly others: readonly string[];
}

/** Every TypeScript file under `src/`. */
export function sourceFiles(): readonly SourceFile[] {
  return readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .sort()
    .map(readSource);
}

export function readText(name: string): string {
  return readFileSync(join(ROOT, name), 'utf8');
}

/** The room of a file: its first folder, or the file's own name where it lies in none (`index`, `version`). */
export function roomOf(name: string): string {
  return name.includes('/') ? name.slice(0, name.indexOf('/')) : name.replace(/\.ts$/, '');
}

function readSource(name: string): SourceFile {
  const text = readFileSync(join(SRC, name), 'utf8');
  const code = withoutComments(text);
  const imports = importsOf(code);
  const isOurs = (specifier: string): boolean => specifier.startsWith('.');
  return {
    name,
    room: roomOf(name),
    lineCount: text.split('\n').length - 1,
    code,
    ours: imports.filter(isOurs).map((specifier) => target(name, specifier)),
    oursAtRunTime: importsOf(withoutTypeImports(code))
      .filter(isOurs)
      .map((specifier) => target(name, specifier)),
    others: imports.filter((specifier) => !isOurs(specifier)),
  };
}

function importsOf(code: string): readonly string[] {
  return [...code.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)'([^']+)'/g)].map((match) => match[1] ?? '');
}

function withoutTypeImports(code: string): string {
  return code.replace(/\b(?:import|export) type [^;]*?from '[^']+';/g, '');
}

function target(importer: string, specifier: string): string {
  return relative(SRC, resolve(SRC, dirname(importer), specifier)).replace(/\.js$/, '.ts');
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');
}
