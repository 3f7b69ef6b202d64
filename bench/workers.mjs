import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const worker = fileURLToPath(new URL('worker.mjs', import.meta.url));

/** A process of Node.js. @param args - what worker.mjs is to be given */
export const nodeWorker = (...args) => fork(worker, args, { serialization: 'advanced' });

/** Processes in which one library works; started when they are needed. */
export class Workers {
  #processes = [];

  /** @param startOne - starts one of them, which hears tasks and sends results */
  constructor(library, count, startOne) {
    this.library = library;
    this.count = count;
    this.startOne = startOne;
  }

  get running() {
    return this.#processes.length > 0;
  }

  /** Gives all processes the same task at the same time, and resolves to their results. */
  async call(task, params = {}) {
    await this.start();
    return Promise.all(this.#processes.map((child) => answerOf(child, () => child.send({ task, params }))));
  }

  async start() {
    if (this.running) return;
    this.#processes = Array.from({ length: this.count }, () => this.startOne());
    await Promise.all(this.#processes.map((child) => answerOf(child)));
  }

  /** Ends the processes, whatever they are at. */
  stop() {
    for (const child of this.#processes) child.kill('SIGKILL');
    this.#processes = [];
  }
}

function answerOf(child, ask) {
  return new Promise((resolve, reject) => {
    const onMessage = ({ result, error }) => settle(error ? () => reject(new Error(error)) : () => resolve(result));
    const onExit = (code, signal) => settle(() => reject(new Error(`A process ended (${signal ?? code})`)));
    const settle = (how) => {
      child.off('message', onMessage).off('exit', onExit);
      how();
    };
    child.on('message', onMessage).on('exit', onExit);
    ask?.();
  });
}
