/** Is this a run in which nothing may be skipped? So it is where `CI` or `REQUIRE_ALL` is set. */
export function isEverythingRequired(): boolean {
  return ['CI', 'REQUIRE_ALL'].some((name) => !['', '0', 'false'].includes(process.env[name] ?? ''));
}
