/** Prints rows of `{what, value, unit, ratio?, target?, met?}` for people; the text is Markdown as well. */
export function printTable(machine, rows) {
  const about = Object.entries(machine).map(([name, value]) => `${name}: ${value}`);
  process.stdout.write(`${about.join(' · ')}\n\n`);
  const cells = [
    ['what', 'measured', 'ratio', 'target', ''],
    ['---', '---:', '---:', '---:', '---'],
    ...rows.map((row) => [
      row.what,
      row.value === undefined ? 'n/a' : `${number(row.value)} ${row.unit}`,
      row.ratio === undefined ? '' : row.ratio.toFixed(2),
      row.target ?? '',
      row.met === undefined ? (row.note ?? '') : row.met ? 'met' : 'MISSED',
    ]),
  ];
  const widths = cells[0].map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  for (const row of cells) {
    const padded = row.map((cell, column) =>
      column === 0 || column === 4 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]),
    );
    process.stdout.write(`| ${padded.join(' | ')} |\n`);
  }
}

function number(value) {
  return value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2);
}
