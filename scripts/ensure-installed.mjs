// Installs the dependencies when node_modules is missing or is not what package-lock.json says.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { npm, root } from './run.mjs';

/** True when node_modules can be used; otherwise a message has said what to do. */
export async function ensureInstalled() {
  if (!supportedNode()) {
    console.error(`nestlock needs Node.js 20.19 or later, this is ${process.version}: please install a newer one.`);
    return false;
  }
  if (isInstalled()) return true;
  console.log('Installing the dependencies (npm ci) …');
  if ((await npm('ci', '--no-audit', '--no-fund', '--loglevel=error')) === 0) return true;
  console.error('The dependencies could not be installed: check the npm registry and network, then run "npm ci".');
  return false;
}

function supportedNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  return major > 20 || (major === 20 && minor >= 19);
}

/** Compares with the list that npm keeps of what it has installed: file times say nothing after a checkout. */
function isInstalled() {
  try {
    const wanted = packagesOf('package-lock.json');
    const installed = packagesOf('node_modules/.package-lock.json');
    return Object.entries(wanted).every(
      ([path, { version, optional, devOptional }]) =>
        path === '' || (installed[path] ? installed[path].version === version : optional || devOptional),
    );
  } catch {
    return false;
  }
}

const packagesOf = (path) => JSON.parse(readFileSync(join(root, path), 'utf8')).packages;

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = (await ensureInstalled()) ? 0 : 1;
