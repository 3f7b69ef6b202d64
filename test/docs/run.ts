import { posix } from 'node:path';
import ts from 'typescript';
import { contextOf, nameOf, sourceOf } from './compile';
import type { Block, Page } from './pages';

export interface RunOptions {
  /** What is written in the documentation, and what is meant here: addresses, ports. Each must be there. */
  readonly replace?: Readonly<Record<string, string>>;
  /** The values of what the block has from its context. */
  readonly context?: Readonly<Record<string, unknown>>;
}

type Exports = Record<string, any>;

const AsyncFunction = (async () => {}).constructor as new (...args: string[]) => (...args: unknown[]) => Promise<void>;

/** Runs a block as it is in the documentation. Resolves to what it exports. */
export async function run(block: Block, options: RunOptions = {}): Promise<Exports> {
  const exports: Exports = {};
  const code = codeOf(block, options.replace);
  await new AsyncFunction('require', 'exports', code)(requireFor(block, options), exports);
  return exports;
}

/** The same for a block that does not wait for anything: one that declares tests has to do so at once. */
export function runSync(block: Block, options: RunOptions = {}): Exports {
  const exports: Exports = {};
  new Function('require', 'exports', codeOf(block, options.replace))(requireFor(block, options), exports);
  return exports;
}

/** The files of a page, which import each other by their names. Runs one of them. */
export function runFile(page: Page, name: string, replace: Readonly<Record<string, string>> = {}): Exports {
  const files = new Map(page.blocks.filter(({ lang }) => lang === 'ts').map((block) => [nameOf(block), block]));
  const whole = [...files.values()].map(({ text }) => text).join('');
  for (const text of Object.keys(replace)) mustHave(whole, text, page.path);
  const loaded = new Map<string, Exports>();
  const load = (path: string): Exports => {
    const known = loaded.get(path);
    if (known) return known;
    const block = files.get(path);
    if (!block) throw new Error(`There is no block "// ${path}" in ${page.path}`);
    const exports: Exports = {};
    loaded.set(path, exports);
    const requireHere = (id: string): unknown =>
      id.startsWith('.') ? load(`${posix.join(posix.dirname(path), id)}.ts`) : requireReal(id);
    new Function('require', 'exports', compile(replaced(block.text, replace)))(requireHere, exports);
    return exports;
  };
  return load(name);
}

// eslint-disable-next-line @typescript-eslint/no-require-imports -- through jest, which knows where "nestlock" is
const requireReal = (id: string): unknown => require(id);

function requireFor(block: Block, { context = {} }: RunOptions): (id: string) => unknown {
  const contextId = contextOf(block)?.replace(/\.ts$/, '');
  return (id) => (id === contextId ? { ...(requireReal(id) as Exports), ...context } : requireReal(id));
}

function codeOf(block: Block, replace: Readonly<Record<string, string>> = {}): string {
  for (const text of Object.keys(replace)) mustHave(block.text, text, block.where);
  return compile(replaced(sourceOf(block), replace));
}

function mustHave(text: string, part: string, where: string): void {
  if (!text.includes(part)) throw new Error(`Expected ${where} to contain ${JSON.stringify(part)}`);
}

function replaced(text: string, replace: Readonly<Record<string, string>>): string {
  return Object.entries(replace).reduce((result, [from, to]) => result.replaceAll(from, to), text);
}

function compile(text: string): string {
  return ts.transpileModule(text, {
    compilerOptions: {
      module: ts.ModuleKind.CommonJS,
      target: ts.ScriptTarget.ES2022,
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
      esModuleInterop: true,
    },
  }).outputText;
}
