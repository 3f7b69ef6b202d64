import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export type LockKind = 'mutex' | 'read' | 'write';

export interface WorkerOptions {
  /** How long it may be dead or silent until it loses its locks, in ms. Default: 10,000. */
  readonly sessionTimeout?: number | undefined;
}

type Answer = readonly [word: string, ...rest: string[]];

/** A process that uses another library's locks, as it is told to. It ends with the test at the latest. */
export class LockWorker {
  /** The states of its connection, in the words of the library. */
  readonly states: string[] = [];
  /** What the library has complained of. */
  complaints = '';
  private readonly child: ChildProcess;
  private readonly ended: Promise<unknown>;
  private readonly questions = new Map<string, { resolve(answer: Answer): void; reject(error: Error): void }>();
  private count = 0;

  private constructor([program = '', ...args]: readonly string[]) {
    this.child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.ended = once(this.child, 'close');
    this.child.stdin!.on('error', () => {}); // it has ended, as all questions learn
    this.child.stderr!.on('data', (data: Buffer) => (this.complaints += data.toString()));
    createInterface(this.child.stdout!).on('line', (line) => this.hear(line.split('\t') as unknown as Answer));
    this.child.on('close', () => {
      for (const { reject } of this.questions.values()) reject(this.end());
    });
  }

  /** Resolves when it is connected. */
  static async start(command: readonly string[]): Promise<LockWorker> {
    const worker = new LockWorker(command);
    await worker.answerTo('ready');
    return worker;
  }

  /** Resolves to what `release` needs, or to undefined after `timeout` ms without the lock. Default: no such limit. */
  async acquire(kind: LockKind, path: string, timeout?: number): Promise<string | undefined> {
    const id = `${++this.count}`;
    const [word] = await this.ask('acquire', id, kind, path, ...(timeout === undefined ? [] : [`${timeout}`]));
    return word === 'acquired' ? id : undefined;
  }

  async release(id: string): Promise<void> {
    await this.ask('release', id);
  }

  pause(): void {
    this.child.kill('SIGSTOP');
  }

  resume(): void {
    this.child.kill('SIGCONT');
  }

  /** Ends it as a crash would: its locks are free when its session times out. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }

  /** Ends it in good order: its locks are free. */
  async stop(): Promise<void> {
    this.resume();
    this.child.stdin!.end();
    await this.ended;
  }

  private ask(...words: readonly [command: string, id: string, ...rest: string[]]): Promise<Answer> {
    const answer = this.answerTo(words[1]);
    this.child.stdin!.write(`${words.join('\t')}\n`);
    return answer;
  }

  private answerTo(id: string): Promise<Answer> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return Promise.reject(this.end());
    return new Promise((resolve, reject) => this.questions.set(id, { resolve, reject }));
  }

  private end(): Error {
    return new Error(`the worker has ended: ${this.complaints}`);
  }

  private hear([word, ...rest]: Answer): void {
    const [id = word, message] = rest;
    if (word === 'state') return void this.states.push(id);
    const question = this.questions.get(id);
    this.questions.delete(id);
    if (word === 'error') question?.reject(new Error(message));
    else question?.resolve([word, ...rest]);
  }
}
