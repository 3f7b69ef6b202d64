import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { spawnScript } from '../processes/spawn';
import type { Order, Plan } from './plan';
import type { Access, Registers } from './registers';

/** What Node says of warnings, of which the member tells us itself; and ioredis of connections of its own to Sentinels. */
const EXPECTED = /Warning: |--trace-warnings|^\[ioredis\] Unhandled error event|^ {4}at /;
/** How long a member may take to end, in ms: its callers wait for their locks to the end. */
const END_TIMEOUT = 60_000;

/** A process whose callers take locks. */
export class Member {
  readonly name: string;
  /** What nobody has caught, and what it wrote that nobody expected. */
  readonly complaints: string[] = [];
  /** Resolves when its callers are at work, or it has ended. */
  readonly ready: Promise<unknown>;
  private readonly child: ChildProcess;
  private readonly ended: Promise<unknown>;

  constructor(plan: Plan, registers: Registers, env: NodeJS.ProcessEnv) {
    this.name = plan.member;
    this.child = spawnScript(join(__dirname, 'member.fixture.ts'), [JSON.stringify(plan)], env);
    this.ended = once(this.child, 'close'); // and all that it has said is heard
    this.ready = Promise.race([once(this.child, 'message'), this.ended]);
    this.child.stderr!.on('data', (data: Buffer) => this.hear(data.toString()));
    this.child.on('message', ({ nr, request, uncaught }: { nr: number; request?: Access; uncaught?: string }) => {
      if (uncaught !== undefined) this.complaints.push(uncaught);
      if (request) this.send({ nr, value: registers.access(request) });
    });
  }

  get isAlive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  order(order: Order): void {
    this.send(order);
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async kill(): Promise<void> {
    if (!this.isAlive) this.complaints.push(`it had ended by itself: ${this.child.exitCode ?? this.child.signalCode}`);
    this.child.kill('SIGKILL');
    await this.ended;
  }

  /** Lets its callers come to their ends. It must end by itself then. */
  async end(): Promise<void> {
    if (this.isAlive) this.order({ order: 'end' });
    const timer = setTimeout(() => {
      this.complaints.push('it did not end by itself');
      this.child.kill('SIGKILL');
    }, END_TIMEOUT);
    if (this.isAlive) await this.ended;
    clearTimeout(timer);
    if (this.child.exitCode !== 0)
      this.complaints.push(`it ended with ${this.child.exitCode ?? this.child.signalCode}`);
  }

  private send(message: Order | { nr: number; value: number | undefined }): void {
    if (this.child.connected) this.child.send(message, () => undefined); // it may be killed at any moment
  }

  private hear(said: string): void {
    const unexpected = said.split('\n').filter((line) => line.trim() !== '' && !EXPECTED.test(line));
    if (unexpected.length > 0) this.complaints.push(unexpected.join('\n'));
  }
}
