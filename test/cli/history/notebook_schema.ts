/** What nbformat 4.5 asks of a notebook, as far as one of ours can go wrong in it. */

type Fields = Readonly<Record<string, unknown>>;

/** Everything that is wrong with a notebook; nothing if it is one. */
export function notebookFaults(notebook: unknown): readonly string[] {
  const faults: string[] = [];
  const root = asMap(notebook, 'the notebook', faults);
  hasExactly(root, ['metadata', 'nbformat', 'nbformat_minor', 'cells'], 'the notebook', faults);
  if (root.nbformat !== 4 || root.nbformat_minor !== 5) faults.push('it is not of version 4.5');
  checkMetadata(asMap(root.metadata, 'metadata', faults), faults);
  const cells = Array.isArray(root.cells) ? root.cells : [];
  if (cells !== root.cells) faults.push('cells is no list');
  const ids = new Set<unknown>();
  for (const [at, item] of cells.entries()) {
    const cell = asMap(item, `cell ${at}`, faults);
    checkCell(cell, `cell ${at}`, faults);
    if (ids.has(cell.id)) faults.push(`cell ${at} has the id of another`);
    ids.add(cell.id);
  }
  return faults;
}

function checkMetadata({ kernelspec, language_info: language }: Fields, faults: string[]): void {
  const spec = asMap(kernelspec, 'kernelspec', faults);
  for (const field of ['name', 'display_name']) isText(spec[field], `kernelspec.${field}`, faults);
  for (const [field, value] of Object.entries(asMap(language, 'language_info', faults))) {
    isText(value, `language_info.${field}`, faults);
  }
  if (asMap(language, 'language_info', []).name !== 'python') faults.push('the language is not python');
}

function checkCell(cell: Fields, name: string, faults: string[]): void {
  hasExactly(cell, ['id', 'cell_type', 'metadata', 'source', 'outputs', 'execution_count'], name, faults);
  if (cell.cell_type !== 'code') faults.push(`${name} is no code cell`);
  if (!/^[a-zA-Z0-9-_]{1,64}$/.test(String(cell.id))) faults.push(`${name} has the id ${String(cell.id)}`);
  isCount(cell.execution_count, name, faults);
  asMap(cell.metadata, `${name}.metadata`, faults);
  isMultiline(cell.source, `${name}.source`, faults);
  const outputs = Array.isArray(cell.outputs) ? cell.outputs : [null];
  for (const [at, output] of outputs.entries()) checkOutput(output, `${name}, output ${at}`, faults);
}

function checkOutput(item: unknown, name: string, faults: string[]): void {
  const output = asMap(item, name, faults);
  switch (output.output_type) {
    case 'stream':
      hasExactly(output, ['output_type', 'name', 'text'], name, faults);
      if (output.name !== 'stdout' && output.name !== 'stderr') faults.push(`${name} is a stream of another name`);
      return isMultiline(output.text, `${name}.text`, faults);
    case 'execute_result':
      hasExactly(output, ['output_type', 'data', 'metadata', 'execution_count'], name, faults);
      isCount(output.execution_count, name, faults);
      return checkBundle(output, name, faults);
    case 'display_data':
      hasExactly(output, ['output_type', 'data', 'metadata'], name, faults);
      return checkBundle(output, name, faults);
    default:
      faults.push(`${name} has the type ${String(output.output_type)}`);
  }
}

function checkBundle({ data, metadata }: Fields, name: string, faults: string[]): void {
  asMap(metadata, `${name}.metadata`, faults);
  for (const [mime, value] of Object.entries(asMap(data, `${name}.data`, faults))) {
    if (!/^[\w-]+\/[\w.+-]+$/.test(mime)) faults.push(`${name} has a key ${JSON.stringify(mime)} that is no mime type`);
    // JSON may be anything.
    if (!/^application\/(.*\+)?json$/.test(mime)) isMultiline(value, `${name}.data.${mime}`, faults);
  }
}

function isMultiline(value: unknown, name: string, faults: string[]): void {
  if (typeof value === 'string') return;
  if (!Array.isArray(value)) return void faults.push(`${name} is neither a text nor a list`);
  for (const [at, line] of value.entries()) {
    isText(line, `${name}[${at}]`, faults);
    const ends = String(line).split('\n').length - 1;
    const isLast = at === value.length - 1;
    if (ends > 1 || (ends === 1 && !String(line).endsWith('\n')) || (ends === 0 && !isLast)) {
      faults.push(`${name}[${at}] is not one line`);
    }
  }
}

function isCount(value: unknown, name: string, faults: string[]): void {
  if (value === null || (Number.isInteger(value) && Number(value) >= 0)) return;
  faults.push(`${name} has the execution count ${String(value)}`);
}

function isText(value: unknown, name: string, faults: string[]): void {
  if (typeof value !== 'string') faults.push(`${name} is no text`);
}

function hasExactly(map: Fields, fields: readonly string[], name: string, faults: string[]): void {
  if (Object.keys(map).sort().join() !== [...fields].sort().join()) {
    faults.push(`${name} has the fields ${Object.keys(map).join(', ')}`);
  }
}

function asMap(value: unknown, name: string, faults: string[]): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  faults.push(`${name} is no map`);
  return {};
}
