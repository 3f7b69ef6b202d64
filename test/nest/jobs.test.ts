import { Injectable } from '@nestjs/common';
import { EventEmitter2, EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import { Cron, Interval, ScheduleModule, SchedulerRegistry, Timeout } from '@nestjs/schedule';
import { DistributedLock, LockService } from 'nestlock';
import type { Position } from './support';
import { POSITIONS, arrange, boot, until, withBackend } from './support';

/** A provider whose jobs have their lock in this place. */
function jobsAt(position: Position) {
  const decorate = (name: string, other: MethodDecorator) =>
    arrange(position, DistributedLock({ key: `${name}:${position}`, onBusy: 'skip' }), other);
  const [cronUpper, cronLower] = decorate('cron', Cron('* * * * * *', { name: position }));
  const [intervalUpper, intervalLower] = decorate('interval', Interval(`interval ${position}`, 20));
  const [timeoutUpper, timeoutLower] = decorate('timeout', Timeout(`timeout ${position}`, 20));
  const [eventUpper, eventLower] = decorate('event', OnEvent(position));

  @Injectable()
  class Jobs {
    readonly runs: string[] = [];
    constructor(private readonly locks: LockService) {}

    @cronUpper
    @cronLower
    async cron() {
      this.note();
    }

    @intervalUpper
    @intervalLower
    async interval() {
      this.note();
    }

    @timeoutUpper
    @timeoutLower
    async timeout() {
      this.note();
    }

    @eventUpper
    @eventLower
    async event(payload: string) {
      this.note(payload);
      return payload;
    }

    private note(text = '') {
      this.runs.push(String(this.locks.current()?.keys) + text);
    }
  }
  return Jobs;
}

describe.each(POSITIONS)('the lock %s', (position) => {
  it('leaves jobs and event handlers registered, and locks them', async () => {
    const { backend, locks } = withBackend();
    const Jobs = jobsAt(position);
    const app = await boot({
      imports: [locks, ScheduleModule.forRoot(), EventEmitterModule.forRoot()],
      providers: [Jobs],
    });
    const { runs } = app.get(Jobs);
    app.get(EventEmitter2).emit(position, '!');
    for (const name of ['cron', 'interval', 'timeout']) await until(() => runs.includes(`${name}:${position}`));
    expect(runs).toContain(`event:${position}!`);
    expect(new Set(runs).size).toBe(4); // never without its lock
    expect(backend.acquired(`interval:${position}`).length).toBeGreaterThan(0);
  });

  it('skips a job that runs elsewhere, at once', async () => {
    const { backend, locks } = withBackend();
    const Jobs = jobsAt(position);
    const app = await boot({
      imports: [locks, ScheduleModule.forRoot(), EventEmitterModule.forRoot()],
      providers: [Jobs],
    });
    const { runs } = app.get(Jobs);
    const jobKeys = ['cron', 'interval'].map((name) => `${name}:${position}`);
    for (const key of [...jobKeys, `event:${position}`]) await backend.holdElsewhere(key);
    runs.length = 0;
    await app.get(SchedulerRegistry).getCronJob(position).fireOnTick();
    const [answer] = (await app.get(EventEmitter2).emitAsync(position, '!')) as unknown[];
    await until(() => backend.asked(jobKeys[1]!).length > 3);
    expect(answer).toBeUndefined();
    expect(runs.filter((run) => !run.startsWith('timeout'))).toEqual([]);
    expect(backend.asked(jobKeys[0]!).every((claim) => !claim.wait)).toBe(true);
  });
});
