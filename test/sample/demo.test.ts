import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '../..');
const demo = join(root, 'dist-sample/sample-app/demo');

/** Runs Node until it ends, or until `stopAt` is seen in its output. */
async function node(args: readonly string[], { stopAt, signal }: { stopAt?: string; signal?: NodeJS.Signals } = {}) {
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
    if (!stopAt || !stdout.includes(stopAt)) return;
    child.kill(signal); // once: a second one would not be waited for
    stopAt = undefined;
  });
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [code, endedBy] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code, endedBy, stdout, stderr };
}

const runDemo = (...args: string[]) => node([join(demo, 'main.js'), ...args]);

/** The two numbers of a row of the table. */
function row(output: string, label: string): { off: number; on: number } {
  const [, off, on] = new RegExp(`^${label} +([\\d.]+)(?: m?s)? +([\\d.]+)(?: m?s)?$`, 'm').exec(output) ?? [];
  return { off: Number(off), on: Number(on) };
}

describe('the demo', () => {
  beforeAll(() => {
    if (!existsSync(demo))
      throw new Error('The sample app is not built: run "npm test", or "npm run build:sample" first.');
  });

  it('oversells without locks, and not with them', async () => {
    const { code, stdout, stderr } = await runDemo('--buyers', '60', '--seats', '20');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(row(stdout, 'seats for sale')).toEqual({ off: 20, on: 20 });
    expect(row(stdout, 'seats oversold').off).toBeGreaterThan(0);
    expect(row(stdout, 'seats oversold').on).toBe(0);
    expect(row(stdout, 'seats sold').on).toBe(20);
    const buyers = ['who got seats', 'refused: sold out', 'refused: busy', 'who met an error'];
    const counts = buyers.map((label) => row(stdout, `buyers ${label}`));
    expect(counts.reduce((sum, { off }) => sum + off, 0)).toBe(60);
    expect(counts.reduce((sum, { on }) => sum + on, 0)).toBe(60);
    for (const label of [
      'duration',
      'sales per second, to the last',
      'wait for an answer, p50',
      'wait for an answer, p99',
    ]) {
      expect(row(stdout, label)).toEqual({ off: expect.any(Number), on: expect.any(Number) });
      expect(row(stdout, label).on).toBeGreaterThan(0);
    }
    expect(stdout).toMatch(/^Locking on: \d+ of 60 buyers answered/m);
    expect(stdout.match(/^ {2}ok /gm)).toHaveLength(7);
    expect(stdout).not.toContain('FAILED');
  }, 90_000);

  it.each(['redis', 'zookeeper', 'postgres', 'postgres --strategy transaction', 'mysql --strategy optimistic'])(
    'locks a whole fleet, with a server of its own: %s',
    async (store) => {
      const args = ['--backend', ...store.split(' '), '--processes', '3', '--buyers', '60', '--seats', '20'];
      const { code, stdout, stderr } = await runDemo(...args);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(row(stdout, 'seats oversold').off).toBeGreaterThan(0);
      expect(row(stdout, 'seats sold').on).toBe(20);
      const ticks = row(stdout, 'cron ticks');
      const runs = row(stdout, 'cron runs in the whole fleet');
      expect(ticks.on).toBeGreaterThan(1);
      expect(runs.on).toBe(ticks.on);
      expect(runs.off).toBeGreaterThan(ticks.off);
    },
    120_000,
  );

  it('finds out when the locks do not lock: processes with a memory each', async () => {
    const script = `
      const { runPhase } = require('./dist-sample/sample-app/demo/phase');
      const { Progress } = require('./dist-sample/sample-app/demo/progress');
      const { judge } = require('./dist-sample/sample-app/demo/verdict');
      const phase = { backend: 'memory', processes: 2, buyers: 60, seats: 20, progress: new Progress() };
      runPhase({ ...phase, locking: true, signal: new AbortController().signal }).then((result) => {
        const { ok, checks } = judge(result, result);
        console.log('verdict ' + JSON.stringify({ ok, broken: checks.filter((check) => !check.ok).length > 0 }));
        console.log('runs ' + Math.max(...result.runsPerTick));
      });`;
    const { stdout, stderr } = await node(['-e', script]);
    expect(stderr).toBe('');
    expect(stdout).toContain('verdict {"ok":false,"broken":true}');
    expect(stdout).toContain('runs 2');
  }, 60_000);

  it('explains its options', async () => {
    const { code, stdout } = await runDemo('--help');
    expect(code).toBe(0);
    for (const flag of ['--backend', '--strategy', '--url', '--processes', '--buyers', '--seats'])
      expect(stdout).toContain(flag);
  });

  it.each([
    [['--processes', '2'], "The memory backend cannot lock 2 processes: its locks are in the process's own memory."],
    [['--backend', 'etcd'], 'There is no backend "etcd". There is: memory'],
    [['--url', 'redis://localhost'], 'The memory backend has no server: leave out --url.'],
    [
      ['--strategy', 'lease'],
      'The memory backend has no strategies: leave out --strategy, or take the backend postgres',
    ],
    [['--backend', 'redis', '--strategy', 'lease'], 'The redis backend has no strategies: leave out --strategy, or'],
    [
      ['--backend', 'postgres', '--strategy', 'hope'],
      'Expected --strategy to be one of lease, transaction, optimistic, got "hope"',
    ],
    [['--seats', '0'], 'Expected --seats to be an integer from 1 to 100000, got "0"'],
    [['--buyers', 'many'], 'Expected --buyers to be an integer from 1 to 10000, got "many"'],
    [['--fast'], "Unknown option '--fast'"],
    [['fast'], "Unexpected argument 'fast'"],
  ])('refuses %j', async (args, message) => {
    const { code, stdout, stderr } = await runDemo(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr).toContain('--help');
  });

  it.each([
    [2, []],
    // Redis, and what cleans up behind it.
    [5, ['--backend', 'redis', '--processes', '2']],
  ])(
    'takes its %i processes along when it is interrupted',
    async (count, args) => {
      const script = `
      const { ChildProcess } = require('node:child_process');
      const spawn = ChildProcess.prototype.spawn;
      ChildProcess.prototype.spawn = function (...args) {
        const result = spawn.apply(this, args);
        console.log('child ' + this.pid);
        return result;
      };
      require('./dist-sample/sample-app/demo/main.js');`;
      const { code, stdout, stderr } = await node(['-e', script, 'demo', ...args], {
        stopAt: 'buyers answered',
        signal: 'SIGINT',
      });
      expect({ code, stderr }).toEqual({ code: 130, stderr: '\nInterrupted.\n' });
      const pids = [...stdout.matchAll(/^child (\d+)$/gm)].map(([, pid]) => Number(pid));
      expect(pids).toHaveLength(count);
      for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    },
    90_000,
  );
});
