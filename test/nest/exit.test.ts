import { transformFileSync } from '@swc/core';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const root = join(__dirname, '../..');
const FIXTURE = 'test/nest/exit.fixture.ts';

let dir: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'nestlock-exit-'));
  symlinkSync(join(root, 'node_modules'), join(dir, 'node_modules'), 'junction');
  for (const file of [FIXTURE, ...sources('lib')]) {
    const { code } = transformFileSync(join(root, file), {
      swcrc: false,
      jsc: {
        target: 'es2022',
        parser: { syntax: 'typescript', decorators: true },
        transform: { legacyDecorator: true, decoratorMetadata: true },
      },
      module: { type: 'commonjs' },
    });
    mkdirSync(join(dir, dirname(file)), { recursive: true });
    writeFileSync(join(dir, file.replace(/\.ts$/, '.js')), code);
  }
  writeFileSync(
    join(dir, 'main.mjs'),
    `import 'reflect-metadata';\nimport '@nestjs/common';\nimport '@nestjs/core';\nawait import('./test/nest/exit.fixture.js');\n`,
  );
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sources(path);
    return /(?<!\.d)\.ts$/.test(path) ? [path] : [];
  });
}

it('leaves nothing behind that keeps the process alive, nor memory for the keys it has seen', async () => {
  const { NODE_OPTIONS: _, ...env } = process.env;
  // Resolves only when the process has ended by itself; a time-out rejects.
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--expose-gc', 'main.mjs'], {
    cwd: dir,
    env,
    timeout: 60_000,
  });
  expect(stderr).toBe('');
  const { status, bytesPerKey } = JSON.parse(stdout) as { status: number; bytesPerKey: number };
  expect(status).toBe(200);
  expect(bytesPerKey).toBeLessThan(100); // a forgotten queue would take about 1,000
}, 90_000);
