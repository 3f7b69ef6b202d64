import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository; every command runs there, wherever the script was called from. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The path of a tool in node_modules, to be run with this very Node. */
export const tool = (path) => join(root, 'node_modules', path);

export const node = (...args) => run(process.execPath, args);

// npm is a .cmd file on Windows, which only a shell can start.
export const npm = (...args) => run('npm', args, { shell: process.platform === 'win32' });

let signalled;

/** Runs a command on our terminal and resolves to its exit code. Signals end the command, and no other one is started. */
export function run(command, args, options = {}) {
  if (signalled) return Promise.resolve(exitCode(null, signalled));
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', ...options });
    const stopListening = onSignal((signal) => {
      signalled = signal;
      // The terminal has sent Ctrl-C to the child already.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
    const finish = (code) => {
      stopListening();
      resolve(code);
    };
    child.on('error', (error) => {
      console.error(`Could not run ${command}: ${error.message}`);
      finish(127);
    });
    child.on('close', (code, signal) => finish(exitCode(code, signal)));
  });
}

const numbers = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };

const exitCode = (code, signal) => code ?? 128 + (numbers[signal] ?? 0);

function onSignal(listener) {
  const signals = ['SIGHUP', 'SIGINT', 'SIGTERM'];
  for (const signal of signals) process.on(signal, listener);
  const watch = process.env.npm_lifecycle_event && watchParent(() => listener('SIGTERM'));
  return () => {
    for (const signal of signals) process.off(signal, listener);
    clearInterval(watch);
  };
}

/** npm passes a signal on to the shell between it and us, which ends without telling us. */
function watchParent(onGone) {
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    onGone();
  }, 250);
  return watch;
}
