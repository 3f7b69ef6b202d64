import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { npm } from './npm';
import { pack } from './pack';

const exec = promisify(execFile);

/** A folder outside the repository in which the packed package is installed, as a user would install it. */
export interface Project {
  readonly dir: string;
  /**
   * Writes a script into the project and runs it; resolves to what it printed, rejects when it fails.
   *
   * @param node - the binary; this Node by default
   */
  run(fileName: string, source: string, node?: string): Promise<string>;
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
    const wanted = ['@nestjs/common', '@nestjs/core', 'rxjs@7', 'reflect-metadata@0.2', ...packages];
    const options = ignoreScripts ? ['--ignore-scripts'] : [];
    await npm(['install', ...options, await pack(), ...wanted.map((name) => pin(name, nest))], dir);
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    dir,
    remove,
    async run(fileName, source, node = process.execPath) {
      await writeFile(join(dir, fileName), source);
      // Only what the project has installed counts, not how jest runs us.
      const { stdout } = await exec(node, [fileName], { cwd: dir, env: withoutNodeOptions() });
      return stdout;
    },
  };
}

const pin = (name: string, nest: string) => (/^@nestjs\/[^@]+$/.test(name) ? `${name}@${nest}` : name);

function withoutNodeOptions(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, ...env } = process.env;
  return env;
}
