import { execFileSync, spawn } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const signals = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };
for (const [signal, number] of Object.entries(signals)) process.once(signal, () => process.exit(128 + number));

/**
 * Starts a server in a folder of its own. It ends with `stop`, or with this process.
 *
 * @param server - `command` makes the program and its arguments out of `port` and `folder`, perhaps with `prepare`, which runs
 *   another one first; `ready` is what it says as soon as it serves; `missing` is said when there is no such program;
 *   `insteadOfRoot` is the user who runs it when we are root, which it refuses; `stopSignal` ends it at once
 */
export async function startServer({ command, ready, missing, insteadOfRoot, stopSignal = 'SIGKILL' }) {
  const user = insteadOfRoot && process.getuid?.() === 0 ? userCalled(insteadOfRoot, missing) : {};
  const folder = mkdtempSync(join(tmpdir(), 'nestlock-bench-'));
  if (user.uid) chownSync(folder, user.uid, user.gid);
  const options = { cwd: folder, env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` }, ...user };
  const prepare = (program, args) =>
    orMissing(missing, () => execFileSync(program, args, { stdio: 'pipe', ...options }));
  let server;
  const stop = () => {
    server?.kill(stopSignal);
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 }); // it may still write
  };
  process.once('exit', stop);
  const port = await freePort();
  const [program, ...args] = command({ port, folder, prepare });
  server = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
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

function userCalled(name, missing) {
  const id = (option) => Number(execFileSync('id', [option, name], { stdio: 'pipe' }));
  try {
    return { uid: id('-u'), gid: id('-g') };
  } catch {
    throw new Error(missing); // the package brings its user along
  }
}

function orMissing(missing, run) {
  try {
    return run();
  } catch (error) {
    throw error.code === 'ENOENT' ? new Error(missing) : error;
  }
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
