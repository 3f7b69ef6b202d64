import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

export const root = join(__dirname, '../..');

/** What is kept between runs of the tests. `npm ci` clears it. */
export const cache = join(root, 'node_modules/.cache/nestlock');

/** What was downloaded once is not asked for again. */
const OPTIONS = ['--prefer-offline', '--no-audit', '--no-fund', '--no-update-notifier'];

/** Rejects with what npm printed. (npm is a script on Windows, which only a shell can start.) */
export function npm(args: readonly string[], cwd: string): Promise<unknown> {
  return promisify(execFile)('npm', [...args, ...OPTIONS], { cwd, shell: process.platform === 'win32' });
}
