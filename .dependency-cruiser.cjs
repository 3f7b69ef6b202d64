// The directions of the code, checked by `npm run lint`: core <- backends, nest, testing.

const drivers = ['ioredis', 'zookeeper', 'pg', 'mysql2'];
const packages = (...names) => `(^|node_modules/)(@types/)?(${names.join('|')})(/|$)`;

/** What a folder may import: paths under lib, and packages. Node's own modules are always allowed. */
const onlyImports = (name, { from, fromNot, lib, npm = [] }) => ({
  name,
  severity: 'error',
  from: { path: from, ...(fromNot && { pathNot: fromNot }) },
  to: { dependencyTypesNot: ['core'], pathNot: [...lib, ...(npm.length > 0 ? [packages(...npm)] : [])] },
});

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'A cycle, even one of types only, means that two files are one.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    onlyImports('core-stands-alone', { from: '^lib/core/', lib: ['^lib/core/'], npm: ['ms'] }),
    onlyImports('memory-imports-core', {
      from: '^lib/backends/memory/',
      lib: ['^lib/core/', '^lib/backends/memory/'],
    }),
    onlyImports('redis-imports-core-and-its-driver', {
      from: '^lib/backends/redis/',
      lib: ['^lib/core/', '^lib/backends/redis/'],
      npm: ['ioredis'],
    }),
    onlyImports('zookeeper-imports-core-and-its-driver', {
      from: '^lib/backends/zookeeper/',
      lib: ['^lib/core/', '^lib/backends/zookeeper/'],
      npm: ['zookeeper'],
    }),
    onlyImports('sql-imports-core-and-its-drivers', {
      from: '^lib/backends/sql/',
      lib: ['^lib/core/', '^lib/backends/sql/'],
      npm: ['pg', 'mysql2'],
    }),
    onlyImports('nest-imports-core-and-the-default-backend', {
      from: '^lib/nest/',
      lib: ['^lib/core/', '^lib/nest/', '^lib/backends/memory/memory\\.backend\\.ts$'],
      npm: ['@nestjs/[^/]+', 'rxjs', 'reflect-metadata'],
    }),
    onlyImports('index-joins-core-nest-and-memory', {
      from: '^lib/index\\.m?ts$',
      lib: ['^lib/core/', '^lib/nest/', '^lib/backends/memory/', '^lib/index\\.ts$'],
      npm: ['@nestjs/[^/]+'],
    }),
    onlyImports('testing-imports-core-nest-and-memory', {
      from: '^lib/testing/',
      lib: ['^lib/core/', '^lib/nest/', '^lib/backends/memory/', '^lib/testing/'],
      npm: ['@nestjs/[^/]+', 'rxjs', 'reflect-metadata'],
    }),
    {
      name: 'nobody-imports-testing',
      severity: 'error',
      from: { pathNot: '^lib/testing/' },
      to: { path: '^lib/testing/' },
    },
    {
      name: 'drivers-are-loaded-when-used',
      comment: 'An optional peer is imported as a type, or by import() or require() inside a function.',
      severity: 'error',
      from: {},
      to: { path: packages(...drivers), dynamic: false, dependencyTypesNot: ['type-only', 'require'] },
    },
    {
      name: 'optional-nest-packages-are-loaded-when-used',
      comment: 'Only @nestjs/common and @nestjs/core are peers: an application may lack the others.',
      severity: 'error',
      from: {},
      to: {
        path: packages('@nestjs/[^/]+'),
        pathNot: packages('@nestjs/common', '@nestjs/core'),
        dynamic: false,
        dependencyTypesNot: ['type-only', 'require'],
      },
    },
    {
      name: 'no-deep-imports-of-nest',
      comment: 'What is not exported by the entry point changes without notice.',
      severity: 'error',
      from: {},
      to: { path: 'node_modules/@nestjs/[^/]+/(?!index\\.(js|d\\.ts)$)' },
    },
    {
      name: 'no-unknown-modules',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: packages(...drivers) },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.build.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      mainFields: ['main', 'types'],
    },
  },
};
