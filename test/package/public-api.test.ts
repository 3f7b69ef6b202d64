import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { root } from './npm';

let complaints: string[];

beforeAll(async () => {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const checked = promisify(execFile)(process.execPath, ['scripts/api.mjs', '--check'], { cwd: root, env });
  const { stdout } = await checked.catch((error: Error & { stdout: string; stderr: string }) => {
    throw new Error(error.stdout + error.stderr, { cause: error });
  });
  complaints = JSON.parse(stdout.trim().split('\n').at(-1)!) as string[];
}, 120_000);

const isUndocumented = (complaint: string) => complaint.startsWith('No comment: ');

it('the public API is the one that is recorded in test/package/api', () => {
  expect(complaints.filter((complaint) => !isUndocumented(complaint))).toEqual([]);
});

it('everything in it has a comment', () => {
  expect(complaints.filter(isUndocumented)).toEqual([]);
});
