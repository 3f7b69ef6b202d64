// `npm run chaos -- <arguments>`: many processes, real servers, and faults; see test/chaos.
import { ensureInstalled } from './ensure-installed.mjs';
import { node, root } from './run.mjs';
import { join } from 'node:path';

const ready = await ensureInstalled();
const loader = join(root, 'scripts/typescript.cjs');
process.exitCode = ready
  ? await node('--require', loader, join(root, 'test/chaos/main.ts'), ...process.argv.slice(2))
  : 1;
