// `node scripts/build.mjs lib`: lib -> dist; `sample`: sample-app -> dist-sample, with the Nest CLI.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureInstalled } from './ensure-installed.mjs';
import { node, root, tool } from './run.mjs';

const targets = {
  lib: {
    output: 'dist/index.js',
    sources: ['lib', 'tsconfig.base.json', 'tsconfig.build.json', 'package-lock.json'],
    async build() {
      rmSync(join(root, 'dist'), { recursive: true, force: true });
      return (await node(tool('typescript/bin/tsc'), '-p', 'tsconfig.build.json')) === 0;
    },
  },
  sample: {
    output: 'dist-sample/sample-app/main.js',
    sources: [
      'sample-app',
      'test/servers',
      'lib',
      'nest-cli.json',
      'tsconfig.base.json',
      'package.json',
      'package-lock.json',
    ],
    build: async () => (await ensureBuilt('lib')) && (await node(tool('@nestjs/cli/bin/nest.js'), 'build')) === 0,
  },
};

/** Builds what has changed since the last build; false when that failed. */
export async function ensureBuilt(target) {
  return isBuilt(target) || build(target);
}

export async function build(target) {
  const digest = digestOf(target);
  rmSync(stampOf(target), { force: true });
  if (!(await targets[target].build())) return false;
  mkdirSync(join(root, 'node_modules/.cache/nestlock'), { recursive: true });
  writeFileSync(stampOf(target), digest);
  return true;
}

function isBuilt(target) {
  const stamp = stampOf(target);
  return (
    existsSync(join(root, targets[target].output)) &&
    existsSync(stamp) &&
    readFileSync(stamp, 'utf8') === digestOf(target)
  );
}

const stampOf = (target) => join(root, 'node_modules/.cache/nestlock', `${target}.sha256`);

function digestOf(target) {
  const hash = createHash('sha256');
  for (const path of targets[target].sources.flatMap(filesIn)) {
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(root, path)))
      .update('\0');
  }
  return hash.digest('hex');
}

function filesIn(path) {
  if (!existsSync(join(root, path))) return [];
  if (statSync(join(root, path)).isFile()) return [path];
  return readdirSync(join(root, path))
    .sort()
    .flatMap((name) => filesIn(join(path, name)));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const target = process.argv[2];
  if (!Object.hasOwn(targets, target ?? '')) {
    console.error(`Expected "lib" or "sample" as the thing to build, got ${JSON.stringify(target)}`);
    process.exitCode = 2;
  } else {
    process.exitCode = (await ensureInstalled()) && (await build(target)) ? 0 : 1;
  }
}
