import { readdirSync, readFileSync } from 'node:fs';

/**
 * A process and all that came from it, itself first. PostgreSQL has a process for each connection, each of them in a session
 * of its own: no process group has them all.
 */
export function family(pid: number): number[] {
  return [pid, ...children(pid).flatMap(family)];
}

/** How long a process may take to stop, in ms; one that waits for the disk takes the longest. */
const FREEZE_TIMEOUT = 1_000;

/** Stops them all, from the top down: who has stopped has no more children. */
export function freeze(pid: number): number[] {
  send('SIGSTOP', [pid]);
  // Its threads go on for a moment.
  const deadline = performance.now() + FREEZE_TIMEOUT;
  while (!hasStopped(pid) && performance.now() < deadline);
  return [pid, ...children(pid).flatMap(freeze)];
}

export function send(signal: NodeJS.Signals, pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

/** Whether it has ended, even if nobody has asked yet how. */
export function isGone(pid: number): boolean {
  return /^State:\s+[ZX]/m.test(read(`/proc/${pid}/status`) ?? 'State: X');
}

function hasStopped(pid: number): boolean {
  return tasks(pid).every((task) => /^State:\s+[TtZX]/m.test(read(`/proc/${pid}/task/${task}/status`) ?? 'State: X'));
}

function children(pid: number): number[] {
  const lists = tasks(pid).map((task) => read(`/proc/${pid}/task/${task}/children`) ?? '');
  return lists.flatMap((list) => list.split(' ').filter(Boolean).map(Number));
}

function tasks(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
