import { join } from 'node:path';
import ts from 'typescript';

/** As the users of each kind of project have it. */
export const RESOLUTIONS = {
  node10: { module: ts.ModuleKind.CommonJS, moduleResolution: ts.ModuleResolutionKind.Node10 },
  nodenext: { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext },
  bundler: { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler },
};

/** The declarations of the language and of Node.js, which are the same in every project. */
const shared = new Map<string, ts.SourceFile>();

/**
 * What the compiler says of a user's files and of our declarations, as strictly as users may ask it to: the declarations of
 * packages are checked as well. Errors in packages of others are theirs, so those are not looked for.
 */
export function typeErrors(files: readonly string[], resolution: ts.CompilerOptions): string[] {
  const options: ts.CompilerOptions = {
    strict: true,
    skipLibCheck: false,
    ...resolution,
    noEmit: true,
    target: ts.ScriptTarget.ES2022,
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
    types: ['node'],
    typeRoots: [join(__dirname, '../../node_modules/@types')],
    ignoreDeprecations: '6.0',
  };
  const program = ts.createProgram(files, options, hostThatShares(options));
  const ours = program.getSourceFiles().filter(({ fileName }) => !/node_modules\/(?!nestlock\/)/.test(fileName));
  if (!files.every((file) => ours.some(({ fileName }) => fileName === file))) throw new Error('Expected all the files');
  return [
    ...program.getConfigFileParsingDiagnostics(),
    ...program.getOptionsDiagnostics(),
    ...program.getGlobalDiagnostics(),
    ...ours.flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]),
  ].map(({ file, messageText }) => `${file?.fileName ?? ''}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`);
}

function hostThatShares(options: ts.CompilerOptions): ts.CompilerHost {
  const host = ts.createCompilerHost(options);
  const { getSourceFile } = host;
  host.getSourceFile = (name, version, ...others) => {
    const isShared = /node_modules\/typescript\/lib\//.test(name);
    const known = isShared ? shared.get(name) : undefined;
    const file = known ?? getSourceFile.call(host, name, version, ...others);
    if (isShared && file) shared.set(name, file);
    return file;
  };
  return host;
}
