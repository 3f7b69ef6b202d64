import { parseFlags } from '../../sample-app/demo/flags';
import type { Block } from './pages';

interface Manifest {
  readonly name: string;
  readonly scripts: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

/** Commands of a shell block that are none: npm scripts and options that do not exist, packages that are not ours to name. */
export function shellFaults({ text, where }: Block, manifest: Manifest): string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/(^|\s)#.*/, '').trim())
    .filter((line) => line !== '')
    .map((line) => faultOf(line, manifest))
    .filter((fault) => fault !== undefined)
    .map((fault) => `${where}: ${fault}`);
}

function faultOf(line: string, manifest: Manifest): string | undefined {
  const [command, verb, ...rest] = line.split(/\s+/);
  if (command === 'seq' || command === 'curl') return undefined;
  if (command !== 'npm') return `What is ${command}?`;
  if (verb === 'install') {
    const known = [manifest.name, ...Object.keys(manifest.peerDependencies)];
    return rest.filter((name) => !known.includes(name)).map((name) => `npm install ${name}?`)[0];
  }
  const script = verb === 'run' ? rest[0]! : verb!;
  if (!Object.hasOwn(manifest.scripts, script)) return `There is no script "${script}"`;
  if (script !== 'demo' || rest.length < 2) return undefined;
  try {
    parseFlags(rest.slice(2)); // behind "demo" and "--"
    return undefined;
  } catch (error) {
    return `${line}: ${(error as Error).message}`;
  }
}
