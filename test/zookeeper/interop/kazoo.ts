import { join } from 'node:path';
import { file } from '../../servers/program';
import { LockWorker, type WorkerOptions } from './worker';

export interface KazooOptions extends WorkerOptions {
  /** What kazoo calls `extra_lock_patterns`: the middle of the names of other libraries' nodes that it must heed. */
  readonly lockPatterns?: readonly string[];
  /** How the nodes of "mutex" are called, instead of `__lock__`: by a subclass of `Lock`. */
  readonly nodeName?: string;
}

/** The Python that Debian's packages are for, which need not be the first in PATH. */
export async function pythonWithKazoo(): Promise<string> {
  await file('/usr/lib/python3/dist-packages/kazoo/client.py', 'python3-kazoo');
  return file('/usr/bin/python3', 'python3');
}

/** Starts a process with locks of Python's kazoo: `Lock` as "mutex", `ReadLock`, `WriteLock`. */
export async function startKazoo(connectString: string, options: KazooOptions = {}): Promise<LockWorker> {
  const { sessionTimeout = 10_000, lockPatterns = [], nodeName = '' } = options;
  const python = await pythonWithKazoo();
  return LockWorker.start([
    ...[python, join(__dirname, 'kazoo_worker.py'), connectString, `${sessionTimeout}`, nodeName],
    ...lockPatterns,
  ]);
}
