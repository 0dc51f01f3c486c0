#!/usr/bin/env node
// The syntax here is old on purpose: an old Node must come as far as the message that it is too old.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`sock-python: needs Node 20.19 or newer, this is ${process.versions.node}\n`);
  process.exitCode = 1;
} else {
  import('../dist/cli/main.js').then(
    ({ main }) => main(process.argv.slice(2)),
    (error) => {
      const isUnbuilt = error.code === 'ERR_MODULE_NOT_FOUND' && /dist[\\/]cli[\\/]main\.js/.test(error.message);
      const text = isUnbuilt ? 'dist/ is missing: run `npm install && npm run build` first' : error.stack;
      process.stderr.write(`sock-python: ${text}\n`);
      process.exitCode = 1;
    },
  );
}
