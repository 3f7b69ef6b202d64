import { dirname, join } from 'node:path';
import ts from 'typescript';
import { type Block, root } from './pages';

/** As strict as the repository is with itself, but for names that an example does not use. */
function compilerOptions(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => ts.sys.readFile(path)) as {
    config: object;
  };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  return {
    ...options,
    // With `await` outside of functions, and imports without extensions.
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    moduleDetection: ts.ModuleDetectionKind.Force,
    isolatedModules: false,
    noUnusedLocals: false,
    noUnusedParameters: false,
    paths: {
      ...options.paths,
      // What it exports hides its types from compilers.
      redlock: [join(dirname(require.resolve('redlock')), '../index.d.ts')],
      'redis-semaphore': [join(dirname(require.resolve('redis-semaphore')), 'index.d.ts')],
    },
  };
}

/** Where a block is for the compiler: beside the other blocks of its page, under the name that its first line says. */
export function fileOf(block: Block): string {
  const name = nameOf(block) ?? `line-${block.line}.ts`;
  return join(root, 'docs-blocks', block.page.replace(/\W/g, '-'), name);
}

/** `// src/app.module.ts` in the first line. */
export function nameOf({ text }: Block): string | undefined {
  return /^\/\/ (\S+\.ts)\n/.exec(text)?.[1];
}

/** What the block does not say itself comes from the file of `test/docs/context` that a comment before it names. */
export function contextOf(block: Block): string | undefined {
  const name = block.notes.get('context');
  return name === undefined ? undefined : join(__dirname, 'context', `${name}.ts`);
}

/** One line with what the block has from its context, then the block. */
export function sourceOf(block: Block): string {
  const context = contextOf(block);
  if (context === undefined) return `\n${block.text}`;
  const own = namesOf(block.text);
  const names = [...exportsOf(context)].filter((name) => !own.has(name));
  return `import { ${names.join(', ')} } from '${context.replace(/\.ts$/, '')}';\n${block.text}`;
}

/** All errors of all blocks, as `README.md:42: …`. */
export function typeErrors(blocks: readonly Block[]): string[] {
  const files = new Map(blocks.map((block) => [fileOf(block), block]));
  if (files.size < blocks.length) return ['Two blocks of a page have the same file name'];
  const host = virtualHost(compilerOptions(), new Map([...files].map(([file, block]) => [file, sourceOf(block)])));
  const program = ts.createProgram([...files.keys()], compilerOptions(), host);
  return [...files].flatMap(([file, block]) => {
    const source = program.getSourceFile(file)!;
    return ts.getPreEmitDiagnostics(program, source).map(({ messageText, start = 0 }) => {
      const line = block.line + source.getLineAndCharacterOfPosition(start).line - 1;
      return `${block.page}:${line}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
    });
  });
}

/** A program over the entry points, to ask what they export. */
export function entryProgram(): { readonly program: ts.Program; readonly entries: ReadonlyMap<string, string> } {
  const options = compilerOptions();
  const entries = Object.entries(options.paths!).filter(([name]) => name.startsWith('nestlock'));
  const files = new Map(entries.map(([name, [path]]) => [name, join(root, path!)]));
  return { program: ts.createProgram([...files.values()], options), entries: files };
}

/** Files that are only here, beside the real ones. */
function virtualHost(options: ts.CompilerOptions, files: ReadonlyMap<string, string>): ts.CompilerHost {
  const host = ts.createCompilerHost(options);
  const folders = new Set([...files.keys()].map(dirname));
  const { getSourceFile, fileExists, readFile, directoryExists } = host;
  host.fileExists = (path) => files.has(path) || fileExists.call(host, path);
  host.readFile = (path) => files.get(path) ?? readFile.call(host, path);
  host.directoryExists = (path) => folders.has(path) || (directoryExists?.call(host, path) ?? true);
  host.getSourceFile = (path, version, ...others) => {
    const text = files.get(path);
    return text === undefined
      ? getSourceFile.call(host, path, version, ...others)
      : ts.createSourceFile(path, text, version);
  };
  return host;
}

function exportsOf(path: string): Set<string> {
  const text = ts.sys.readFile(path);
  if (text === undefined) throw new Error(`There is no ${path}`);
  const isExported = (statement: ts.Statement): boolean =>
    ts.canHaveModifiers(statement) &&
    (ts.getModifiers(statement) ?? []).some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
  return namesOf(text, isExported);
}

/** What a text declares or imports at its top level. */
function namesOf(text: string, wanted: (statement: ts.Statement) => boolean = () => true): Set<string> {
  const names = new Set<string>();
  const bind = (name: ts.BindingName | undefined): void => {
    if (name === undefined) return;
    if (ts.isIdentifier(name)) names.add(name.text);
    else name.elements.forEach((element) => ts.isBindingElement(element) && bind(element.name));
  };
  for (const statement of ts.createSourceFile('x.ts', text, ts.ScriptTarget.ES2022).statements) {
    if (!wanted(statement)) continue;
    if (ts.isVariableStatement(statement)) statement.declarationList.declarations.forEach(({ name }) => bind(name));
    else if (ts.isImportDeclaration(statement)) {
      const { name, namedBindings } = statement.importClause ?? {};
      bind(name);
      if (namedBindings && ts.isNamedImports(namedBindings)) namedBindings.elements.forEach((each) => bind(each.name));
      else bind(namedBindings?.name);
    } else {
      bind((statement as Partial<ts.DeclarationStatement>).name as ts.Identifier | undefined);
    }
  }
  return names;
}
