const { exports: entries } = require('./package.json');

/** `nestlock/redis` -> lib/…: the entry's source instead of what was built from it. */
const moduleNameMapper = Object.fromEntries(
  Object.entries(entries)
    .filter(([, target]) => typeof target === 'object')
    .map(([entry, target]) => [
      `^nestlock${entry.slice(1)}$`,
      target.require.default.replace('./dist/', '<rootDir>/lib/').replace(/\.js$/, '.ts'),
    ]),
);

const swc = {
  swcrc: false,
  sourceMaps: 'inline',
  jsc: {
    target: 'es2022',
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true },
    keepClassNames: true,
  },
  module: { type: 'commonjs' },
};

const plainJs = { ...swc, jsc: { target: 'es2022', parser: { syntax: 'ecmascript' } } };

/** Packages that exist as ES modules only; jest runs CommonJS, so they are compiled to it. */
const esModules = ['@nestjs', '@tokenizer', '@borewit', 'file-type', 'strtok3', 'token-types', 'uint8array-extras'];

/** @type {import('jest').Config} */
module.exports = {
  globalSetup: '<rootDir>/test/servers/install.ts',
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/dist-sample/'],
  setupFiles: ['reflect-metadata'],
  moduleNameMapper,
  transform: {
    '\\.ts$': ['@swc/jest', swc],
    '\\.m?js$': ['@swc/jest', plainJs],
  },
  transformIgnorePatterns: [`/node_modules/(?!(${esModules.join('|')})/)`],
  collectCoverageFrom: ['lib/**/*.ts'],
  maxConcurrency: 8,
  maxWorkers: 4,
  testTimeout: 90_000, // more than `until` waits, which can say what for
};
