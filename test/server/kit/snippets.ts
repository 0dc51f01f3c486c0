/** Snippets that several tests need. */

/** One call of C code that says `ready` from within, and never ends nor looks at signals again. */
export const ENDLESS_C_CALL =
  "import itertools\nsum(itertools.chain(iter(lambda: print('ready'), None), itertools.repeat(0)))";
