/** The end of a `switch` over a union: does not compile while a member is left out. @throws Error if reached. */
export function assertNever(value: never): never {
  throw new Error(`not covered: ${String(value)}`);
}
