import { entries } from './entries';
import type { Project } from './project';

export interface Driver {
  /** What makes a backend with it, at an address where nobody is. */
  readonly backend: string;
  /** What is said when it is used and not installed. */
  readonly missing: string;
}

const driver = (name: string, target: string, missing: string): Driver => ({
  backend: `require('nestlock/${name}').${name}Backend('${target}')`,
  missing: `${name}Backend() needs the package ${missing}`,
});

/** The packages that backends need, of which nobody needs all. */
export const DRIVERS: Readonly<Record<string, Driver>> = {
  ioredis: driver('redis', 'redis://127.0.0.1:1', '"ioredis" to connect. Run: npm install ioredis'),
  zookeeper: driver('zookeeper', '127.0.0.1:1', '"zookeeper". Run: npm install zookeeper'),
  pg: driver('postgres', 'postgres://127.0.0.1:1/app', '"pg" to connect. Run: npm install pg'),
  mysql2: driver('mysql', 'mysql://127.0.0.1:1/app', '"mysql2" to connect. Run: npm install mysql2'),
};

/** What becomes of the boot, and of a lock, with each driver; and with none. */
export async function tryDrivers(project: Project): Promise<unknown> {
  const backends = Object.entries(DRIVERS).map(([name, { backend }]) => `['${name}', () => ${backend}]`);
  const source = `
    for (const entry of ${JSON.stringify(entries)}) require(entry);
    const { LockService, memoryBackend } = require('nestlock');
    const said = ({ name, message }) => name + ': ' + message;

    async function main() {
      const found = {};
      for (const [name, make] of [['none', memoryBackend], ${backends.join(', ')}]) {
        const warnings = [];
        const locks = new LockService({ backend: make(), warn: (text) => warnings.push(text) });
        const boot = await locks.open().then(() => warnings.length > 0 ? 'warned' : 'silent', said);
        const lock = await locks.run('k', () => 'locked').catch(({ name }) => name);
        found[name] = { boot, lock };
        await locks.close();
      }
      console.log(JSON.stringify(found));
    }
    main();`;
  return JSON.parse(await project.run('drivers.cjs', source));
}

export const NONE = { none: { boot: 'silent', lock: 'locked' } };
export const UNREACHABLE = { boot: 'warned', lock: 'LockUnavailableError' };

/** With these drivers and no other, those work as far as they can without a server, and the others say what to install. */
export function describeDrivers(project: () => Project, installed: readonly string[]): void {
  it('loads every entry, uses what is there, and says what to install for the others', async () => {
    const expected = Object.entries(DRIVERS).map(([name, { missing }]) => [
      name,
      installed.includes(name) ? UNREACHABLE : { boot: `LockConfigError: ${missing}`, lock: 'LockConfigError' },
    ]);
    expect(await tryDrivers(project())).toEqual({ ...NONE, ...Object.fromEntries(expected) });
  }, 60_000);
}
