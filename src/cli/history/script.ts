/**
 * A session's snippets as one script that plain Python runs. Most stand in it as they were sent; a selection that was
 * indented becomes the body of an `if`, and what can only be compiled by itself (an `await` outside of functions) is
 * handed as text to a helper that does so, on one event loop, as the session did.
 */
import type { HistoryEntry } from '../../client/session.js';
import { escapeLine } from '../text.js';
import { type SnippetTraits, traitsOf } from './python_text.js';

/** Stands where there is no session that has these builtins. */
export const GET_SHIM = `try:
    get
except NameError:  # outside of a session

    def get(*values):
        for value in values:
            print(value)
`;

const DISPLAY_SHIM = `try:
    display
except NameError:

    def display(*objects, **options):
        for value in objects:
            print(repr(value))
`;

const APART_HELPER = `def _run_apart(source, name):
    """Compile source by itself, as a session does, and wait for what it awaits."""
    import ast, asyncio

    code = compile(source, name, 'exec', ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    task = eval(code, globals())
    if task is not None:
        if not hasattr(_run_apart, 'loop'):
            _run_apart.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(_run_apart.loop)
        _run_apart.loop.run_until_complete(task)
`;

/** What is used of the helpers, looked for as a word: one too many does no harm. */
export function needsGet(entries: readonly HistoryEntry[]): boolean {
  return entries.some(({ code }) => /\bget\b/.test(code));
}

/**
 * The runs that ended well, as the text of a script; the others are told of in comments, and so is that the first
 * `forgottenCount` runs are not known any more.
 */
export function toScript(entries: readonly HistoryEntry[], forgottenCount: number): string {
  const good = entries.filter(({ status }) => status === 'ok');
  const traits = new Map(good.map((entry) => [entry, traitsOf(normal(entry.code))]));
  const futures = [...new Set([...traits.values()].flatMap((found) => found.futures))];
  const parts = [
    headOf(forgottenCount),
    ...(futures.length === 0 ? [] : [`from __future__ import ${futures.join(', ')}\n`]),
    ...(needsGet(good) ? [GET_SHIM] : []),
    ...(good.some(({ code }) => /\bdisplay\b/.test(code)) ? [DISPLAY_SHIM] : []),
    ...([...traits.values()].some(({ isApart }) => isApart) ? [APART_HELPER] : []),
  ];
  let generation: number | null = null;
  for (const entry of entries) {
    const isFresh = generation !== null && entry.generation !== null && entry.generation !== generation;
    if (isFresh)
      parts.push(`# Here the session got a fresh kernel (${entry.generation}), and its namespace was empty.\n`);
    generation = entry.generation ?? generation;
    const found = traits.get(entry);
    parts.push(found === undefined ? leftOut(entry) : snippet(entry, found));
  }
  return parts.join('\n');
}

function headOf(forgottenCount: number): string {
  const runs = forgottenCount === 1 ? 'Run 1 is' : `Runs 1 to ${forgottenCount} are`;
  const missing = forgottenCount === 0 ? '' : `# ${runs} no longer kept, so what they did is missing here.\n`;
  return `#!/usr/bin/env python3\n# What a session of sock-python ran; runs that did not end well are left out.\n${missing}`;
}

function snippet(entry: HistoryEntry, traits: SnippetTraits): string {
  const code = normal(entry.code);
  const whole = traits.isIndented ? `if True:\n${code}` : code;
  if (traits.isApart) {
    return `${heading(entry)}\n_run_apart(\n    '''\\\n${inQuotes(whole)}''',\n    '<run ${entry.run}>',\n)\n`;
  }
  if (traits.isIndented) return `${heading(entry)}: a selection that was indented\n${whole}`;
  const lines = code.split('\n');
  for (const line of traits.futureLines) lines[line] = `# ${lines[line]}  (at the top of this file)`;
  return `${heading(entry)}\n${lines.join('\n')}`;
}

function leftOut(entry: HistoryEntry): string {
  return `${heading(entry)}: left out, as its end was ${JSON.stringify(entry.status)}\n`;
}

function heading({ run, name }: HistoryEntry): string {
  return `# run ${run}${name === null ? '' : ` (${escapeLine(name)})`}`;
}

/** With the line ends that Python makes of them anyway, and one at its end. */
function normal(code: string): string {
  const text = code.replace(/\r\n?/g, '\n');
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}

/** A text as it is written between three quotes, so that Python reads the same text there. */
function inQuotes(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll("'''", "\\'\\'\\'");
}
