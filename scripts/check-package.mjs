// `npm run check:package`: what publint and "are the types wrong" say of the packed tarball.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureBuilt } from './build.mjs';
import { ensureInstalled } from './ensure-installed.mjs';
import { node, npm, tool } from './run.mjs';

const folder = mkdtempSync(join(tmpdir(), 'nestlock-pack-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

process.exitCode = (await check()) ? 0 : 1;

async function check() {
  if (!(await ensureInstalled()) || !(await ensureBuilt('lib'))) return false;
  if ((await npm('pack', '--silent', '--pack-destination', folder)) !== 0) return false;
  const tarball = join(folder, readdirSync(folder)[0]);
  const publint = await node(tool('publint/src/cli.js'), 'run', '--strict', tarball);
  const attw = await node(tool('@arethetypeswrong/cli/dist/index.js'), tarball);
  return publint === 0 && attw === 0;
}
