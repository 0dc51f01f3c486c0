/** Reads Markdown tables, so that a page's table can be held against the code. */

/** The rows of the first table under a heading, each as its cells, without head and rule. */
export function tableUnder(text: string, heading: string): readonly (readonly string[])[] {
  const lines = text.split('\n');
  const start = lines.indexOf(heading);
  if (start === -1) throw new Error(`there is no heading "${heading}"`);
  const first = lines.findIndex((line, index) => index > start && line.startsWith('|'));
  const table = lines.slice(first);
  const end = table.findIndex((line) => !line.startsWith('|'));
  return table.slice(2, end === -1 ? undefined : end).map(cells);
}

/** A cell's text; `\|` stands for a bar inside one. */
function cells(line: string): readonly string[] {
  return line
    .slice(1, line.lastIndexOf('|'))
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll('\\|', '|'));
}

/** The words in code marks: `name`, `name?` or `name: type` give `name` or `name?`. */
export function codeNames(cell: string): readonly string[] {
  return [...cell.matchAll(/`([A-Za-z]\w*\??)(?::[^`]*)?`/g)].map((match) => match[1] ?? '');
}
