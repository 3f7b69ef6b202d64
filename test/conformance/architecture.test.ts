import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { basename, join, relative } from 'node:path';

const root = join(__dirname, '../..');
const backends = join(root, 'lib/backends');

/** All files below a folder of lib/backends, as paths from there. */
function filesOf(folder: string): readonly string[] {
  return readdirSync(join(backends, folder), { recursive: true, encoding: 'utf8' });
}

/** `postgres` for sql/postgres/postgres.backend.ts */
function namesOf(files: readonly string[], kind: string): readonly string[] {
  return files.filter((file) => file.endsWith(`.${kind}.ts`)).map((file) => basename(file, `.${kind}.ts`));
}

/** The test files that run the conformance kit, without `.test.ts`. */
const conformance = readdirSync(__dirname)
  .filter(
    (file) => file.endsWith('.test.ts') && readFileSync(join(__dirname, file), 'utf8').includes('lockBackendCases('),
  )
  .map((file) => basename(file, '.test.ts'));

describe('every backend has a conformance test', () => {
  const folders = readdirSync(backends, { withFileTypes: true }).filter((entry) => entry.isDirectory());

  test.each(folders.map(({ name }) => name))('%s', (folder) => {
    const files = filesOf(folder);
    const names = namesOf(files, 'backend');
    const strategies = namesOf(files, 'strategy');
    expect({ [`${folder}/**/*.backend.ts`]: names }).not.toEqual({ [`${folder}/**/*.backend.ts`]: [] });

    // redis.test.ts or redis-cluster.test.ts; with strategies, one for each: postgres-lease.test.ts
    const isTested = (name: string): boolean =>
      conformance.some((test) => test === name || test.startsWith(`${name}-`));
    const wanted = names.flatMap((name) =>
      strategies.length === 0 ? [name] : strategies.map((strategy) => `${name}-${strategy}`),
    );
    const missing = wanted
      .filter((name) => !isTested(name))
      .map((name) => `${relative(root, __dirname)}/${name}.test.ts`);
    expect(missing).toEqual([]);
  });

  test('there are backends', () => {
    expect(existsSync(join(backends, 'memory'))).toBe(true);
  });
});
