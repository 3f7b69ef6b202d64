import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const exec = promisify(execFile);

const root = join(__dirname, '../..');

/** npm is a script on Windows, which only a shell can start. */
const npm = (args: string[], cwd: string) => exec('npm', args, { cwd, shell: process.platform === 'win32' });

/** A folder outside the repository in which the packed package is installed, as a user would install it. */
export interface Project {
  readonly dir: string;
  /** Writes a script into the project and runs it with this Node; resolves to what it printed, rejects when it fails. */
  run(fileName: string, source: string): Promise<string>;
  remove(): Promise<void>;
}

export interface ProjectOptions {
  /** The major version of Nest. */
  nest: '10' | '11' | '12';
  /** Further packages. Those of @nestjs without a version get the one of `nest`. */
  packages?: readonly string[];
  /** Packages are not built, as where npm may not run their scripts. */
  ignoreScripts?: boolean;
}

export async function makeProject({ nest, packages = [], ignoreScripts }: ProjectOptions): Promise<Project> {
  const dir = await mkdtemp(join(tmpdir(), `nestlock-on-nest-${nest}-`));
  const remove = () => rm(dir, { recursive: true, force: true });
  try {
    await writeFile(join(dir, 'package.json'), JSON.stringify({ name: 'fixture', private: true }));
    const tarball = await pack(dir);
    const wanted = ['@nestjs/common', '@nestjs/core', 'rxjs@7', 'reflect-metadata@0.2', ...packages];
    const options = ['--prefer-offline', '--no-audit', '--no-fund', ...(ignoreScripts ? ['--ignore-scripts'] : [])];
    await npm(['install', ...options, tarball, ...wanted.map((name) => pin(name, nest))], dir);
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    dir,
    remove,
    async run(fileName, source) {
      await writeFile(join(dir, fileName), source);
      // Only what the project has installed counts, not how jest runs us.
      const { stdout } = await exec(process.execPath, [fileName], { cwd: dir, env: withoutNodeOptions() });
      return stdout;
    },
  };
}

/** Packs what is in dist (`npm test` has built it); resolves to the path of the tarball. */
export async function pack(folder: string): Promise<string> {
  await npm(['pack', '--silent', '--ignore-scripts', '--pack-destination', folder], root);
  const tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz'));
  if (tarball === undefined) throw new Error('Expected npm pack to make a tarball, got none');
  return join(folder, tarball);
}

const pin = (name: string, nest: string) => (/^@nestjs\/[^@]+$/.test(name) ? `${name}@${nest}` : name);

function withoutNodeOptions(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, ...env } = process.env;
  return env;
}
