// `npm run bench -- <arguments>`: the benchmarks against other libraries, which are installed in bench/ only.
import { join } from 'node:path';
import { ensureBuilt } from './build.mjs';
import { ensureInstalled } from './ensure-installed.mjs';
import { node, npm, root, run } from './run.mjs';

const ready = (await ensureInstalled()) && (await ensureBuilt('lib')) && (await ensureRivals());
process.exitCode = ready ? await node('bench/main.mjs', ...process.argv.slice(2)) : 1;

async function ensureRivals() {
  const quietly = { cwd: join(root, 'bench'), stdio: 'ignore', shell: process.platform === 'win32' };
  if ((await run('npm', ['ls'], quietly)) === 0) return true;
  console.log('Installing what is measured (npm ci in bench) …');
  return (await npm('ci', '--prefix', 'bench', '--no-audit', '--no-fund', '--loglevel=error')) === 0;
}
