import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { memoryBackend } from '../../lib/backends/memory/memory.backend';
import { LockService } from '../../lib/core/lock-service';
import { PLACES } from './places';

/** How many at once: more would only wait for each other's processes. */
const PERMITS = 3;
const machine = new LockService({ backend: memoryBackend(), waitTimeout: Infinity });
const ROOT = join(__dirname, '../..');

jest.setTimeout(400_000);

async function chaos(...args: readonly string[]): Promise<{ readonly code: unknown; readonly said: string }> {
  const command = ['--require', './scripts/typescript.cjs', 'test/chaos/main.ts', ...args];
  const child = spawn(process.execPath, command, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
  const said = text(child.stdout);
  const [code] = (await once(child, 'exit')) as unknown[];
  return { code, said: await said };
}

/** Three processes, for a short time. `npm run chaos` does it for as long as you like. */
test.concurrent.each(Object.keys(PLACES))('%s keeps its promises while things go wrong', async (backend) => {
  const args = ['--backend', backend, '--minutes', '0.3', '--seed', '20', '--members', '3'];
  const { code, said } = await machine.run('machine', () => chaos(...args), { permits: PERMITS });
  if (code !== 0) throw new Error(said);
  expect(said).toMatch(/^broken promises +0$/m);
  expect(Number(/^sections +(\d+)$/m.exec(said)![1])).toBeGreaterThan(10);
  expect(/^faults +(.+)$/m.exec(said)![1]!.split(',').length).toBeGreaterThan(2);
});

test.concurrent.each([
  ['no backend', [], '--backend'],
  ['an unknown one', ['--backend', 'floppy'], '"floppy"'],
  ['no time', ['--backend', 'redis', '--minutes', '0'], '--minutes'],
  ['a seed that is none', ['--backend', 'redis', '--seed', 'x'], '--seed'],
  ['an unknown option', ['--minuets', '3'], '--minuets'],
])('the command does nothing but say what it takes with %s', async (_, args, expected) => {
  const { code, said } = await chaos(...args);
  expect(code).toBe(2);
  expect(said).toContain(expected);
  expect(said).toContain('npm run chaos --');
});
