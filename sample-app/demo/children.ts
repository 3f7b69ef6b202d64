import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** How long a child may take to end before it is killed, in ms. */
const PATIENCE = 3_000;

/** The child processes of the demo: none outlives it, whatever happens. */
export class Children {
  private readonly running = new Set<ChildProcess>();
  private readonly killAll = () => this.running.forEach((child) => child.kill('SIGKILL'));

  /** @param failed - told when a child ends by itself */
  constructor(private readonly failed: (reason: Error) => void) {
    process.once('exit', this.killAll);
  }

  /** Starts a script of this folder and resolves to the URL that it reports. @throws Error when it ends instead */
  async start(script: string, { args = [], env = {} }: { args?: string[]; env?: NodeJS.ProcessEnv } = {}) {
    const child = fork(join(__dirname, script), args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.running.add(child);
    let output = '';
    const keep = (chunk: Buffer) => (output = (output + chunk.toString()).slice(-4_000));
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    return new Promise<string>((resolve, reject) => {
      child.once('message', (message) => resolve((message as { url: string }).url));
      child.once('error', reject);
      child.once('close', (code, signal) => {
        // Those that are stopped have been taken off the list before.
        if (!this.running.delete(child)) return;
        const error = new Error(`${script} has ended (${signal ?? `exit code ${code}`}).\n${output}`.trim());
        reject(error);
        this.failed(error);
      });
    });
  }

  async stop(): Promise<void> {
    const children = [...this.running];
    this.running.clear();
    await Promise.all(children.map(stopChild));
    process.off('exit', this.killAll);
  }
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE);
  await ended;
  clearTimeout(timer);
}
