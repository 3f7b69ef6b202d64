import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const signals = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };
for (const [signal, number] of Object.entries(signals)) process.once(signal, () => process.exit(128 + number));

/**
 * Starts a server in a folder of its own. It ends with `stop`, or with this process.
 *
 * @param server - `command` makes the program and its arguments out of `port` and `folder`; `ready` is what it says as soon
 *   as it serves; `missing` is said when there is no such program
 */
export async function startServer({ command, ready, missing }) {
  const folder = mkdtempSync(join(tmpdir(), 'nestlock-bench-'));
  const port = await freePort();
  const [program, ...args] = command({ port, folder });
  const server = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const stop = () => {
    server.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', stop);
  let said = '';
  await new Promise((resolve, reject) => {
    const hear = (text) => {
      said += text;
      if (ready.test(said)) resolve();
    };
    server.stdout.on('data', hear);
    server.stderr.on('data', hear);
    server.on('error', () => reject(new Error(missing)));
    server.on('exit', (code) => reject(new Error(`${program} ended with code ${code}.\n${said.trimEnd()}`)));
  });
  for (const output of [server.stdout, server.stderr]) output.removeAllListeners('data').resume();
  return { port, stop };
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer().on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
