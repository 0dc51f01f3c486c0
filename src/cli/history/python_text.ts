/**
 * What can be told of a snippet's text without parsing Python: enough to put snippets that ran into one file. Where it
 * errs, it errs towards taking a snippet for a special one, and what is done for those is right for all.
 */

export interface SnippetTraits {
  /** Its first line of code is indented: a selection out of something larger. */
  readonly isIndented: boolean;
  /** It awaits outside of every function, or says `global` there: it can only be compiled by itself. */
  readonly isApart: boolean;
  /** The names that it imports from `__future__`, which only the beginning of a file may do. */
  readonly futures: readonly string[];
  /** Lines (counted from 0) that hold such an import and nothing else. */
  readonly futureLines: readonly number[];
}

/** A statement's text without strings and comments, on one line. */
interface LogicalLine {
  readonly text: string;
  /** Columns that its first line is indented by. */
  readonly indent: number;
  /** The first and the last line that it stands on. */
  readonly first: number;
  readonly last: number;
}

const FUTURE = /^from\s+__future__\s+import\b(.*)$/;
const FUNCTION = /^(async\s+)?def\b/;
/** `async` begins `async for` and `async with` here; `async def` is told apart before. */
const APART = /\b(await|async)\b|(^|[;:])\s*global\b/;
/** Columns of a tab stop. */
const TAB = 8;

export function traitsOf(code: string): SnippetTraits {
  const lines = logicalLines(code);
  const futures: string[] = [];
  const futureLines: number[] = [];
  let isApart = false;
  for (const line of lines) {
    const imported = FUTURE.exec(line.text)?.[1];
    if (imported === undefined) continue;
    const [names = '', ...rest] = imported.split(';');
    for (const name of names.replace(/[()]/g, ' ').split(',')) {
      const [word = ''] = name.trim().split(/\s/);
      if (word !== '') futures.push(word);
    }
    if (rest.length === 0 && line.first === line.last) futureLines.push(line.first);
    else isApart = true;
  }
  const isIndented = (lines[0]?.indent ?? 0) > 0;
  return { isIndented, isApart: isApart || topLevel(lines).some(({ text }) => APART.test(text)), futures, futureLines };
}

/** The lines that are in no function's body; of a function's own line, what it cannot be judged without. */
function topLevel(lines: readonly LogicalLine[]): readonly LogicalLine[] {
  const found: LogicalLine[] = [];
  /** How far the function is indented whose body this is. */
  let functionIndent: number | undefined;
  for (const line of lines) {
    if (functionIndent !== undefined && line.indent > functionIndent) continue;
    const isFunction = FUNCTION.test(line.text);
    functionIndent = isFunction ? line.indent : undefined;
    found.push(isFunction ? { ...line, text: line.text.replace(/^async\b/, '') } : line);
  }
  return found;
}

const BRACKETS: Readonly<Record<string, number>> = { '(': 1, '[': 1, '{': 1, ')': -1, ']': -1, '}': -1 };
const STRING = /([A-Za-z]{0,2})("""|'''|"|')/y;

function logicalLines(code: string): readonly LogicalLine[] {
  const found: LogicalLine[] = [];
  let text = '';
  let first = 0;
  let number = 0;
  let depth = 0;
  const finish = (last: number): void => {
    const bare = text.trim();
    if (bare !== '') found.push({ text: bare, indent: indentOf(text), first, last });
    text = '';
  };
  for (let at = 0; at < code.length; ) {
    const char = code[at] ?? '';
    const string = stringAt(code, at);
    if (string !== undefined) {
      text += string.mark;
      number += countLines(code.slice(at, string.end));
      at = string.end;
    } else if (char === '#') {
      at = lineEnd(code, at);
    } else if (char === '\\' && code[at + 1] === '\n') {
      text += ' ';
      number += 1;
      at += 2;
    } else if (char === '\n') {
      if (depth === 0) finish(number);
      else text += ' ';
      number += 1;
      at += 1;
      if (text.trim() === '') first = number;
    } else {
      depth = Math.max(0, depth + (BRACKETS[char] ?? 0));
      text += char;
      at += 1;
    }
  }
  finish(number);
  return found;
}

/** Where the string ends that begins here, and what stands for it; undefined if none does. */
function stringAt(code: string, at: number): { readonly end: number; readonly mark: string } | undefined {
  STRING.lastIndex = at;
  const [opening, prefix = '', quote = ''] = STRING.exec(code) ?? [];
  if (opening === undefined || /\w/.test(code[at - 1] ?? '') || !/^(|[rbuft]|r[bft]|[bft]r)$/i.test(prefix)) {
    return undefined;
  }
  let end = at + opening.length;
  while (end < code.length && !code.startsWith(quote, end)) {
    // A string in one line that does not end there is none; it cannot be told what it is, so reading goes on behind it.
    if (code[end] === '\n' && quote.length === 1) break;
    end += code[end] === '\\' ? 2 : 1;
  }
  end = Math.min(code.length, code.startsWith(quote, end) ? end + quote.length : end);
  const isAwaiting = /[ft]/i.test(prefix) && /\bawait\b/.test(code.slice(at, end));
  return { end, mark: isAwaiting ? ' await ' : "''" };
}

function lineEnd(code: string, at: number): number {
  const end = code.indexOf('\n', at);
  return end < 0 ? code.length : end;
}

function countLines(text: string): number {
  return text.split('\n').length - 1;
}

function indentOf(text: string): number {
  let columns = 0;
  for (const char of text) {
    if (char === ' ') columns += 1;
    else if (char === '\t') columns += TAB - (columns % TAB);
    else if (char === '\f') columns = 0;
    else break;
  }
  return columns;
}
