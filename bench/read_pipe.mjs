/** Reads stdin to its end; prints how many bytes came, and the milliseconds from the first to the last. */
let start;
let bytes = 0;
process.stdin.on('data', (chunk) => {
  start ??= performance.now();
  bytes += chunk.length;
});
process.stdin.on('end', () => {
  process.stdout.write(`${JSON.stringify({ bytes, ms: performance.now() - start })}\n`);
});
