/** Holds the pages in `docs/` against the code: what they list is what there is. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { OPTIONS } from '../../src/cli/options.js';
import { ERROR_CODES } from '../../src/protocol/errors.js';
import { REQUEST_FIELDS } from '../../src/protocol/validate.js';
import { EVENT_FIELDS } from '../../src/protocol/validate_event.js';
import { VERSION } from '../../src/version.js';
import { ROOT, readText } from './sources.js';
import { codeNames, tableUnder } from './tables.js';

describe('docs/errors.md', () => {
  const text = readText('docs/errors.md');

  test('its table equals the one in the code', () => {
    const rows = Object.entries(ERROR_CODES).map(([code, { exit, meaning }]) => [`\`${code}\``, `${exit}`, meaning]);
    expect(tableUnder(text, '# Errors')).toEqual(rows);
  });

  test('says for each code, in order, what to do', () => {
    const sections = [...text.matchAll(/^### `(\w+)`$/gm)].map((match) => match[1]);
    expect(sections).toEqual(Object.keys(ERROR_CODES));
  });
});

describe('docs/protocol.md', () => {
  const text = readText('docs/protocol.md');
  const documented = (heading: string): readonly (readonly [string, readonly string[]])[] =>
    tableUnder(text, heading).flatMap(([names = '', fields = '']) =>
      codeNames(names).map((name) => [name, [...codeNames(fields)].sort()] as const),
    );

  test('its table of operations has every operation with its fields', () => {
    expect(documented('### Operations')).toEqual(fieldsOf(REQUEST_FIELDS));
  });

  test('its table of events has every event with its fields', () => {
    expect(documented('### Events')).toEqual(fieldsOf(EVENT_FIELDS));
  });
});

describe('docs/runs.md', () => {
  const text = readText('docs/runs.md');

  test('its table of what is kept has the options that there are, with their defaults', () => {
    const help = Object.values(OPTIONS).map(({ flags, help }) => ({ flags: flags.toUpperCase(), help }));
    for (const [option = '', value = ''] of tableUnder(text, '## What is kept')) {
      const words = option
        .replaceAll('`', '')
        .replace(/ (\S+)$/, ' <$1>')
        .toUpperCase();
      const known = help.find(({ flags }) => flags === words);
      expect(known?.help, option).toContain(`(default: ${value})`);
    }
  });

  test('tells of every option of history, and of those by which a run outlives its client', () => {
    for (const name of ['withText', 'script', 'notebook', 'detach', 'key', 'onDisconnect', 'noHistory'] as const) {
      const [flag = ''] = OPTIONS[name].flags.split(' ');
      expect(text).toContain(flag);
    }
  });
});

test('the version is the same in the code, the package and the changes', () => {
  const { version } = JSON.parse(readText('package.json'));
  expect(VERSION).toBe(version);
  expect(readText('CHANGELOG.md')).toMatch(new RegExp(`^## ${version.replaceAll('.', '\\.')}\\b`, 'm'));
});

describe('the pages', () => {
  const pages = ['README.md', 'CHANGELOG.md', ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`)];

  test.each(pages)('%s links only to files that are there', (page) => {
    const links = [...readText(page).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map((match) => match[1] ?? '');
    const folder = page.startsWith('docs/') ? 'docs' : '.';
    expect(links.filter((link) => !existsSync(join(ROOT, folder, link)))).toEqual([]);
  });
});

interface Schema {
  readonly required: object;
  readonly optional: object;
}

/** A schema of the code as names with their fields, a question mark behind what may be left out. */
function fieldsOf(schemas: Readonly<Record<string, Schema>>): readonly (readonly [string, readonly string[]])[] {
  return Object.entries(schemas).map(([name, { required, optional }]) => {
    const fields = [...Object.keys(required), ...Object.keys(optional).map((field) => `${field}?`)];
    return [name, fields.sort()] as const;
  });
}
