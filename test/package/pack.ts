import { createHash } from 'node:crypto';
import { access, mkdir, mkdtemp, readFile, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import manifest from '../../package.json';
import { cache, npm, root } from './npm';

/** Whatever of the repository gets into the package. */
const PACKED = ['package.json', 'README.md', 'LICENSE', ...manifest.files];

/** The package, packed from what is in dist (`npm test` has built it); once for all test files. */
export async function pack(): Promise<string> {
  const name = `nestlock-${await digest()}.tgz`;
  const tarball = join(cache, name);
  const isThere = await access(tarball).then(
    () => true,
    () => false,
  );
  if (isThere) return tarball;
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, 'pack-'));
  try {
    await npm(['pack', '--silent', '--ignore-scripts', '--pack-destination', folder], root);
    const [packed] = await readdir(folder);
    if (packed === undefined) throw new Error('Expected npm pack to make a tarball, got none');
    await removeOthers(name);
    await rename(join(folder, packed), tarball); // in one step: another test file may be doing the same
    return tarball;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function removeOthers(current: string): Promise<void> {
  const old = (await readdir(cache)).filter((name) => /^nestlock-.*\.tgz$/.test(name) && name !== current);
  await Promise.all(old.map((name) => rm(join(cache, name), { force: true })));
}

async function digest(): Promise<string> {
  const hash = createHash('sha256');
  for (const path of (await Promise.all(PACKED.map(filesIn))).flat().sort()) {
    hash
      .update(`${path}\0`)
      .update(await readFile(join(root, path)))
      .update('\0');
  }
  return hash.digest('hex').slice(0, 16);
}

/** A missing dist is reported here: npm would pack the rest without a word. */
async function filesIn(path: string): Promise<string[]> {
  if (/\.\w+$|LICENSE/.test(path)) return [path];
  const entries = await readdir(join(root, path), { recursive: true, withFileTypes: true }).catch((cause) => {
    throw new Error(`Expected ${path} to be there. Run: npm run build`, { cause });
  });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
}
