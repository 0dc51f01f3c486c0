/** Snippets that several tests need. */

/** One call of C code that says `ready` from within: no line of Python comes between that and its never ending. */
export const ENDLESS_C_CALL =
  "import itertools, os\nsum(itertools.chain(map(os.write, [1], [b'ready']), itertools.repeat(0)))";
