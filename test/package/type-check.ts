import { join } from 'node:path';
import ts from 'typescript';

/** As the users of each kind of project have it. */
export const RESOLUTIONS = {
  node10: { module: ts.ModuleKind.CommonJS, moduleResolution: ts.ModuleResolutionKind.Node10 },
  nodenext: { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext },
  bundler: { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler },
};

/**
 * What the compiler says of a user's file and of our declarations, as strictly as users may ask it to: the declarations of
 * packages are checked as well. Errors in packages of others are theirs.
 */
export function typeErrors(file: string, resolution: ts.CompilerOptions): string[] {
  const program = ts.createProgram([file], {
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
  });
  return ts
    .getPreEmitDiagnostics(program)
    .filter(({ file }) => !file || !/node_modules\/(?!nestlock\/)/.test(file.fileName))
    .map(({ file, messageText }) => `${file?.fileName ?? ''}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`);
}
