// For `node --require`: compiles TypeScript that is loaded as jest does.
const { transformFileSync } = require('@swc/core');

const options = {
  swcrc: false,
  sourceMaps: 'inline',
  jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
  module: { type: 'commonjs' },
};
require.extensions['.ts'] = (module, file) => module._compile(transformFileSync(file, options).code, file);
