import { execFile } from 'node:child_process';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { program } from './program';

/** What goes before the command of a server so that `setClock` moves its clock. */
export async function movableClock(): Promise<(folder: string) => readonly string[]> {
  const library = await libfaketime();
  return (folder) => [
    'env',
    // With a malloc that asks for the time, such as Redis' own, libfaketime would wait for itself while it starts.
    `LD_PRELOAD=${library}:libc.so.6`,
    `FAKETIME_TIMESTAMP_FILE=${join(folder, 'clock')}`,
    'FAKETIME_NO_CACHE=1',
    'FAKETIME_DONT_FAKE_MONOTONIC=1',
  ];
}

/** The environment of a process whose clock is ahead, or behind with a negative `offset`, by so many ms. */
export async function wrongClock(offset: number): Promise<NodeJS.ProcessEnv> {
  return {
    LD_PRELOAD: await libfaketime(),
    FAKETIME: `${offset < 0 ? '-' : '+'}${Math.abs(offset) / 1_000}`,
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
}

/** The environment of a process of Node whose clock `setClock` moves, for the folder; it may take a second to do so. */
export async function movableClientClock(folder: string): Promise<NodeJS.ProcessEnv> {
  return {
    LD_PRELOAD: await libfaketime(),
    FAKETIME_TIMESTAMP_FILE: join(folder, 'clock'),
    FAKETIME_CACHE_DURATION: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
}

async function libfaketime(): Promise<string> {
  const faketime = await program('faketime', 'faketime');
  const { stdout } = await promisify(execFile)(faketime, ['-f', '+0', 'printenv', 'LD_PRELOAD']);
  return stdout.trim();
}

/** Sets the clock of the server in this folder ahead, or back with a negative `offset`, in ms. */
export function setClock(folder: string, offset: number): void {
  const file = join(folder, 'clock');
  // Renamed, since the server may read it at any moment.
  writeFileSync(`${file}.new`, `${offset < 0 ? '-' : '+'}${Math.abs(offset) / 1_000}`);
  renameSync(`${file}.new`, file);
}

/** Removes what libfaketime makes for child processes and leaves behind when it is killed. */
export function tidyClock(pid: number): void {
  for (const name of [`faketime_shm_${pid}`, `sem.faketime_sem_${pid}`])
    rmSync(join('/dev/shm', name), { force: true });
}
