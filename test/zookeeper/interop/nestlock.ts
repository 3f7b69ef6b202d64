import { join } from 'node:path';
import { LockWorker, type WorkerOptions } from './worker';

export interface NestlockOptions extends WorkerOptions {
  readonly curator?: 'readWrite' | 'mutex';
}

/** The folder of its locks. */
export const ROOT = '/locks';

/** Compiles what it loads as jest does. */
const SCRIPT = `
  const { transformFileSync } = require('@swc/core');
  const options = { swcrc: false, jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } };
  require.extensions['.ts'] = (module, file) => module._compile(transformFileSync(file, options).code, file);
  require(process.argv[1]);`;

/** Starts a process with locks of our own: "read" is shared, "mutex" and "write" are exclusive. Their path is ROOT/key. */
export function startNestlock(connectString: string, options: NestlockOptions = {}): Promise<LockWorker> {
  const { sessionTimeout = 10_000, curator = 'readWrite' } = options;
  return LockWorker.start([
    ...[process.execPath, '-e', SCRIPT, join(__dirname, 'nestlock.fixture.ts')],
    JSON.stringify({ connect: connectString, sessionTimeout, curator, root: ROOT }),
  ]);
}
