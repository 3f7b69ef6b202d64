import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const root = join(__dirname, '../..');
const fixture = join(__dirname, 'types.fixture.ts');

/** What the compiler says about a text in the place of the fixture, with the options of the repository. */
function diagnose(text: string): string[] {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => ts.sys.readFile(path)) as {
    config: object;
  };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const host = ts.createCompilerHost(options);
  const { getSourceFile } = host;
  host.getSourceFile = (name, version, ...others) =>
    name === fixture ? ts.createSourceFile(name, text, version) : getSourceFile.call(host, name, version, ...others);
  const program = ts.createProgram([fixture], options, host);
  return ts.getPreEmitDiagnostics(program, program.getSourceFile(fixture)).map(({ messageText, start, file }) => {
    const line = file!.getLineAndCharacterOfPosition(start ?? 0).line + 1;
    return `${line}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
  });
}

const source = readFileSync(fixture, 'utf8');

it('accepts what is right, and refuses what is wrong, at compile time', () => {
  expect(diagnose(source)).toEqual([]);
});

it('says why', () => {
  const shown = diagnose(source.replaceAll('// @ts-expect-error', '//'));
  expect(shown).toHaveLength(source.split('// @ts-expect-error').length - 1);
  expect(shown.join('\n')).toContain('the key function takes other parameters than the method');
  expect(shown.join('\n')).toContain('onBusy answers something that the method does not return');
});
