// `npm run demo -- <arguments>`: the demonstration of the sample app.
import { ensureBuilt } from './build.mjs';
import { ensureInstalled } from './ensure-installed.mjs';
import { node } from './run.mjs';

const ready = (await ensureInstalled()) && (await ensureBuilt('lib')) && (await ensureBuilt('sample'));
process.exitCode = ready ? await node('dist-sample/sample-app/demo/main.js', ...process.argv.slice(2)) : 1;
