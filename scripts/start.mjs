// `npm start`: the sample app, through the Nest CLI. Further arguments are the CLI's (`npm start -- --watch`).
import { ensureBuilt } from './build.mjs';
import { ensureInstalled } from './ensure-installed.mjs';
import { node, tool } from './run.mjs';

const ready = (await ensureInstalled()) && (await ensureBuilt('lib'));
// Without a shell in between the app itself gets our signals.
const start = () => node(tool('@nestjs/cli/bin/nest.js'), 'start', '--no-shell', ...process.argv.slice(2));
process.exitCode = ready ? await start() : 1;
