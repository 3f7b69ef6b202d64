import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
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

/** Found without running `faketime`, which fails where a killed process of the same number left its semaphore behind. */
async function libfaketime(): Promise<string> {
  const prefix = dirname(dirname(await program('faketime', 'faketime')));
  const folders = ['lib', 'lib64'].map((name) => join(prefix, name)).filter(existsSync);
  const candidates = folders.flatMap((folder) => [folder, ...readdirSync(folder).map((name) => join(folder, name))]);
  const library = candidates.map((folder) => join(folder, 'faketime', 'libfaketime.so.1')).find(existsSync);
  if (!library) throw new Error(`Expected libfaketime.so.1 in a folder "faketime" below ${folders.join(' or ')}`);
  return library;
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
