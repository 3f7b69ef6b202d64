import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { LockServiceOptions } from '../../lib/core/options';
import type { BackendChoice } from './backend-choice';
import { spawnScript } from './spawn';
import type { Commands } from './worker.fixture';

interface Answer {
  readonly id?: number;
  readonly value?: unknown;
  readonly error?: { readonly kind: string; readonly message: string };
  readonly warning?: string;
}

interface Question {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** A LockService in a process of its own. */
export class Worker {
  readonly warnings: string[] = [];
  /** What nobody has caught. */
  readonly uncaught: string[] = [];
  private readonly child: ChildProcess;
  private readonly questions = new Map<number, Question>();
  private readonly ended: Promise<unknown>;
  private count = 0;

  private constructor(backend: BackendChoice, options: LockServiceOptions, more: NodeJS.ProcessEnv) {
    this.child = spawnScript(join(__dirname, 'worker.fixture.ts'), [JSON.stringify([backend, options])], more);
    this.ended = once(this.child, 'exit');
    this.child.stderr!.on('data', (data: Buffer) => this.uncaught.push(data.toString()));
    this.child.on('message', (answer: Answer) => this.hear(answer));
    this.child.on('exit', () => {
      for (const { reject } of this.questions.values()) reject(new Error('the process has ended'));
    });
  }

  /** @param env - further variables of its environment */
  static async start(
    backend: BackendChoice,
    options: LockServiceOptions,
    env: NodeJS.ProcessEnv = {},
  ): Promise<Worker> {
    const worker = new Worker(backend, options, env);
    await worker.answerTo(0);
    return worker;
  }

  ask<Name extends keyof Commands>(name: Name, ...args: Parameters<Commands[Name]>): ReturnType<Commands[Name]> {
    const id = ++this.count;
    const answer = this.answerTo(id);
    answer.catch(() => undefined);
    this.child.send({ id, name, args });
    return answer as ReturnType<Commands[Name]>;
  }

  /** `SIGSTOP`, `SIGCONT`. */
  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }

  /** Resolves when it has ended by itself, because nothing was left. */
  async close(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill('SIGCONT');
    void this.ask('close');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 30_000);
    await this.ended;
    clearTimeout(timer);
    if (this.child.signalCode !== null) this.uncaught.push('it did not end by itself');
  }

  private answerTo(id: number): Promise<unknown> {
    return new Promise((resolve, reject) => this.questions.set(id, { resolve, reject }));
  }

  private hear({ id, value, error, warning, ...uncaught }: Answer): void {
    if (warning !== undefined) this.warnings.push(warning);
    if (id === undefined) {
      if (warning === undefined) this.uncaught.push(JSON.stringify(uncaught));
      return;
    }
    const question = this.questions.get(id);
    this.questions.delete(id);
    if (error) question?.reject(Object.assign(new Error(error.message), { name: error.kind }));
    else question?.resolve(value);
  }
}
