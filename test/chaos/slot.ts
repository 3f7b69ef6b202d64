import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { movableClientClock, setClock } from '../servers/clock';
import type { Disturbance } from './history';
import { now } from './history';
import { Member } from './member';
import type { Link } from './place';
import type { Plan } from './plan';
import type { Registers } from './registers';
import type { Fault, MemberFault } from './schedule';

/** How far a clock is moved, in ms. */
const CLOCK = 3_600_000;
/** How late a member hears of an order, in ms. */
const ORDER = 500;

/** Where there is a member at any time, one after the other, behind the same proxies. */
export class Slot {
  readonly histories: string[] = [];
  readonly complaints: string[] = [];
  private member!: Member;
  private count = 0;
  private env: NodeJS.ProcessEnv = {};

  /** @param disturbances - where it says what happens to its members */
  constructor(
    private readonly name: string,
    private readonly folder: string,
    private readonly link: Link,
    private readonly plan: Omit<Plan, 'member' | 'history' | 'seed' | 'backend'> & { readonly seed: number },
    private readonly registers: Registers,
    private readonly disturbances: Disturbance[],
  ) {}

  /** Has the clocks of its members be movable. */
  async useClock(): Promise<void> {
    const folder = join(this.folder, `clock-${this.name}`);
    mkdirSync(folder);
    setClock(folder, 0);
    this.env = await movableClientClock(folder);
    this.faults.clock = async (ms) => {
      setClock(folder, this.count % 2 === 0 ? CLOCK : -CLOCK);
      await sleep(ms);
      setClock(folder, 0);
    };
  }

  /** Resolves when it is at work. */
  async start(): Promise<void> {
    const member = `${this.name}${++this.count}`;
    const history = join(this.folder, `${member}.jsonl`);
    writeFileSync(history, ''); // it may be killed before it has written anything
    this.histories.push(history);
    const seed = this.plan.seed + this.count;
    const plan = { ...this.plan, member, seed, history, backend: this.link.backend };
    this.member = new Member(plan, this.registers, this.env);
    await this.member.ready;
  }

  async suffer({ kind, ms }: Fault): Promise<void> {
    const member = this.member.name;
    const from = now();
    await this.faults[kind as MemberFault](ms);
    this.disturbances.push({ kind, member, from, to: kind === 'kill' ? Infinity : now() });
  }

  /** Lets the present one come to its end. */
  async end(): Promise<void> {
    await this.member.end();
    this.#hear();
    await Promise.all(this.link.proxies.map((proxy) => proxy.close()));
  }

  /** Ends the present one if it is still there, when something has gone wrong with the run itself. */
  abandon(): void {
    this.member.signal('SIGKILL');
    for (const proxy of this.link.proxies) void proxy.close().catch(() => undefined);
  }

  private readonly faults: Record<MemberFault, (ms: number) => Promise<unknown>> = {
    kill: async (ms) => {
      await this.member.kill();
      this.#hear();
      await sleep(ms);
      await this.start();
    },
    stop: async (ms) => {
      this.member.signal('SIGSTOP');
      await sleep(ms);
      this.member.signal('SIGCONT');
    },
    block: async (ms) => {
      this.member.order({ order: 'block', ms });
      await sleep(ms + ORDER);
    },
    cut: async (ms) => {
      for (const proxy of this.link.proxies) proxy.cut();
      await sleep(ms);
      await this.#restore();
    },
    // What was said meanwhile arrives later.
    silence: async (ms) => {
      for (const proxy of this.link.proxies) proxy.hold('both');
      await sleep(ms);
      await this.#restore();
    },
    // The servers do what they are asked to, and the connections break before their answers are heard.
    'lose replies': async (ms) => {
      for (const proxy of this.link.proxies) proxy.drop('replies');
      await sleep(ms);
      for (const proxy of this.link.proxies) proxy.cut();
      await this.#restore();
    },
    delay: async (ms) => {
      for (const proxy of this.link.proxies) proxy.delay(Math.min(200, ms / 10));
      await sleep(ms);
      await this.#restore();
    },
    clock: () => Promise.reject(new Error(`The clock of ${this.name} cannot be moved`)),
  };

  async #restore(): Promise<void> {
    await Promise.all(this.link.proxies.map((proxy) => proxy.restore()));
  }

  #hear(): void {
    this.complaints.push(...this.member.complaints.map((complaint) => `${this.member.name}: ${complaint}`));
  }
}
