import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const exec = promisify(execFile);

/** Where programs may be that only root has in its PATH. */
const MORE_FOLDERS = ['/usr/local/sbin', '/usr/sbin'];

/** Where Debian has the programs of PostgreSQL, in a folder for each version. */
const POSTGRES_FOLDER = '/usr/lib/postgresql';

/** One test process at a time; whoever had to wait finds the package installed. The lock ends with its process. */
const INSTALL = `
  export DEBIAN_FRONTEND=noninteractive
  exec flock /var/lib/dpkg sh -c '
    install() { apt-get install -y -q --no-install-recommends "$0"; }
    is_installed() { [ "$(dpkg-query -W -f "\\\${db:Status-Status}" "$0" 2>/dev/null)" = installed ]; }
    is_installed || install || { apt-get update -q && install; }
  ' "$0"`;

/**
 * The path of a program. If it is missing, its Debian package is installed where that is possible.
 * @param otherwise - what else one can do when it is not
 * @throws Error that says what to install
 */
export function program(name: string, packageName: string, otherwise = ''): Promise<string> {
  return provide(name, packageName, otherwise, () => find(name));
}

/** Sees to it in the same way that there is a file, such as a library; returns its path. */
export function file(path: string, packageName: string, otherwise = ''): Promise<string> {
  return provide(path, packageName, otherwise, () => (existsSync(path) ? path : undefined));
}

async function provide(
  name: string,
  packageName: string,
  otherwise: string,
  look: () => string | undefined,
): Promise<string> {
  const path = look();
  if (path) return path;
  process.stderr.write(`Installing the package "${packageName}" …\n`);
  const problem = await install(packageName).then(
    () => 'it has been installed, but cannot be found',
    (error: Error & { stderr?: string }) => (error.stderr || error.message).trim(),
  );
  const installed = look();
  if (installed) return installed;
  throw new Error(
    `${name} is needed and missing: please install it (on Debian and Ubuntu the package "${packageName}").` +
      `${otherwise && ` ${otherwise}`} It could not be installed automatically: ${problem}`,
  );
}

function find(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...MORE_FOLDERS];
  if (existsSync(POSTGRES_FOLDER)) {
    const versions = readdirSync(POSTGRES_FOLDER).sort((a, b) => Number(b) - Number(a));
    folders.push(...versions.map((version) => join(POSTGRES_FOLDER, version, 'bin')));
  }
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function install(packageName: string): Promise<void> {
  if (!find('apt-get') || !find('flock')) throw new Error('there is no apt-get');
  const root = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  if (root.length > 0 && !find('sudo')) throw new Error('this takes root, or sudo without a password');
  const [command = '', ...args] = [...root, 'sh', '-c', INSTALL, packageName];
  await exec(command, args);
}
