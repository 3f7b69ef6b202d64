// `npm test`: installs and builds what is missing, runs jest, and ends with one line "N passed, N failed".
// Further arguments are jest's (`npm test -- test/unit`).
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureBuilt } from './build.mjs';
import { ensureInstalled } from './ensure-installed.mjs';
import { node, tool } from './run.mjs';

const folder = mkdtempSync(join(tmpdir(), 'nestlock-test-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const { passed, failed, skipped } = await runTests();
if (passed + failed === 0) console.log('No tests were run.');
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;

async function runTests() {
  if (!(await ensureInstalled())) return { passed: 0, failed: 1, skipped: 0 };
  // Tests run on the sources, so most of them still have something to say when the build fails.
  const built = (await ensureBuilt('lib')) && (await ensureBuilt('sample'));
  if (!built) console.error('The build failed: this counts as one failed test.');
  const counts = await runJest();
  return { ...counts, failed: counts.failed + (built ? 0 : 1) };
}

async function runJest() {
  const outputFile = join(folder, 'results.json');
  const args = ['--json', `--outputFile=${outputFile}`, ...process.argv.slice(2)];
  const exitCode = await node(tool('jest/bin/jest.js'), ...args);
  try {
    const results = JSON.parse(readFileSync(outputFile, 'utf8'));
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    return {
      passed: results.numPassedTests,
      // Something besides the tests may fail as well: a global teardown, a coverage threshold.
      failed: failed === 0 && results.numPassedTests > 0 && exitCode !== 0 ? 1 : failed,
      skipped: results.numPendingTests + results.numTodoTests,
    };
  } catch {
    console.error(`jest ended with exit code ${exitCode} and without results: this counts as one failed test.`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
}
