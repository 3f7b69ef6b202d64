// `npm run api:update`: records the public API of every entry point, as its declarations have it, in test/package/api.
// `--check` writes nothing there; its last line is what is not as recorded or has no comment, as a list in JSON.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { CompilerState, Extractor, ExtractorConfig } from '@microsoft/api-extractor';
import ts from 'typescript';
import { ensureBuilt } from './build.mjs';
import { ensureInstalled } from './ensure-installed.mjs';
import { root } from './run.mjs';

const reports = 'test/package/api';

/** Where as much of a driver's types is written down as we use: their members are the driver's to explain. */
const DRIVERS = /backends\/.+\/(client|data-source)\.d\.ts$/;

const isCheck = process.argv.includes('--check');
const temporary = mkdtempSync(join(tmpdir(), 'nestlock-api-'));
process.on('exit', () => rmSync(temporary, { recursive: true, force: true }));

if ((await ensureInstalled()) && (await ensureBuilt('lib'))) {
  const complaints = record();
  if (isCheck) console.log(JSON.stringify(complaints));
  else console.log([...complaints, `The public API is recorded in ${reports}.`].join('\n'));
} else {
  process.exitCode = 1;
}

function record() {
  mkdirSync(join(root, reports), { recursive: true });
  const { exports } = readJson('package.json');
  const configs = Object.entries(exports)
    .filter(([, target]) => typeof target === 'object')
    .map(([entry, target]) => configOf(entry.replace(/^\.\/?/, '') || 'nestlock', target.require.types));
  const additionalEntryPoints = configs.map(({ mainEntryPointFilePath }) => mainEntryPointFilePath);
  const compilerState = CompilerState.create(configs[0], { additionalEntryPoints });
  return [...new Set(configs.flatMap((config) => recordOne(config, compilerState)))];
}

function recordOne(config, compilerState) {
  const complaints = [];
  const { apiReportChanged } = Extractor.invoke(config, {
    compilerState,
    localBuild: !isCheck,
    printApiReportDiff: isCheck,
    messageCallback(message) {
      message.handled = true;
      if (message.messageId === 'ae-undocumented') {
        complaints.push(...undocumented(message, compilerState.program));
      } else if (message.logLevel === 'error' || message.messageId === 'console-api-report-diff') {
        complaints.push(message.formatMessageWithLocation(root));
      }
    },
  });
  if (isCheck && apiReportChanged) {
    const report = relative(root, config.reportFilePath);
    complaints.push(`The public API is not as in ${report}. If it is as wanted: npm run api:update`);
  }
  return complaints;
}

/** A member without a comment of its own has that of the type that it comes from, as editors show it. */
function* undocumented({ sourceFilePath, sourceFileLine, sourceFileColumn }, program) {
  if (DRIVERS.test(sourceFilePath)) return;
  const file = program.getSourceFile(sourceFilePath);
  const position = file.getPositionOfLineAndCharacter(sourceFileLine - 1, sourceFileColumn - 1);
  let node = ts.getTokenAtPosition(file, position);
  while (!ts.isSourceFile(node.parent) && !ts.isClassElement(node) && !ts.isTypeElement(node)) node = node.parent;
  const checker = program.getTypeChecker();
  const isMember = !ts.isSourceFile(node.parent);
  const symbol = isMember ? checker.getSymbolAtLocation(node.name) : undefined;
  if (symbol && symbol.getDocumentationComment(checker).length > 0) return;
  const name = isMember ? `${node.parent.name?.text}.${node.name.getText()}` : node.getText().split('\n', 1)[0];
  yield `No comment: ${relative(root, sourceFilePath)}:${sourceFileLine} ${name}`;
}

function configOf(name, types) {
  const { compilerOptions } = readJson('tsconfig.base.json');
  const typeRoots = [join(root, 'node_modules/@types')];
  return ExtractorConfig.prepare({
    packageJsonFullPath: join(root, 'package.json'),
    configObject: {
      projectFolder: root,
      newlineKind: 'lf',
      mainEntryPointFilePath: join(root, types),
      compiler: { overrideTsconfig: { compilerOptions: { ...compilerOptions, typeRoots }, files: [types] } },
      apiReport: {
        enabled: true,
        reportFileName: `${name}.api.md`,
        reportFolder: join(root, reports),
        reportTempFolder: temporary,
        includeForgottenExports: true, // what exported types are made of can be seen by users, too
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: { logLevel: 'error' } },
        extractorMessageReporting: { default: { logLevel: 'none' }, 'ae-undocumented': { logLevel: 'warning' } },
        tsdocMessageReporting: { default: { logLevel: 'none' } },
      },
    },
  });
}

function readJson(path) {
  return JSON.parse(readFileSync(join(root, path), 'utf8'));
}
