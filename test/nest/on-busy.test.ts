import { Injectable } from '@nestjs/common';
import type { BusyInfo } from 'nestlock';
import { DistributedLock, LockService, LockTimeoutError } from 'nestlock';
import { boot, errorOf, settle, withBackend } from './support';

const given: BusyInfo[] = [];

@Injectable()
class Service {
  ran: string[] = [];
  constructor(private readonly locks: LockService) {}

  @DistributedLock('k', { waitTimeout: 0 })
  async throws() {
    this.ran.push('throws');
  }

  @DistributedLock('k', { onBusy: 'skip' })
  async skips() {
    this.ran.push('skips');
  }

  @DistributedLock('k', { onBusy: 'skip', waitTimeout: '1m' })
  async waitsThenSkips() {
    this.ran.push('waited');
  }

  @DistributedLock('k', { onBusy: (info) => (given.push(info), 'busy'), waitTimeout: 1 })
  async answers() {
    return 'free';
  }

  @DistributedLock(['k', 'a'], {
    onBusy: async (info) => (given.push(info), settle().then(() => 'busy later')),
    waitTimeout: 0,
  })
  async answersLater() {
    return 'free';
  }

  @DistributedLock('k', {
    onBusy: () => {
      throw new RangeError('mine');
    },
    waitTimeout: 0,
  })
  async refuses() {
    return 'free';
  }

  @DistributedLock('outer', { onBusy: 'skip' })
  async outerSkips(): Promise<void> {
    await this.locks.run('k', () => undefined, { waitTimeout: 0 });
  }

  @DistributedLock('outer', { onBusy: () => undefined })
  async outerAnswers(): Promise<void> {
    await this.throws();
  }

  @DistributedLock('free', { onBusy: 'skip' })
  async failing(error: unknown) {
    throw error;
  }
}

async function bootService() {
  const { backend, locks } = withBackend();
  const app = await boot({ imports: [locks], providers: [Service] });
  given.length = 0;
  return { backend, service: app.get(Service) };
}

describe('when the lock is busy', () => {
  it('throws by default', async () => {
    const { backend, service } = await bootService();
    await backend.holdElsewhere('k');
    const error = await errorOf(service.throws());
    expect(error).toBeInstanceOf(LockTimeoutError);
    expect(error.key).toBe('k');
    expect(service.ran).toEqual([]);
  });

  it('skips without waiting', async () => {
    const { backend, service } = await bootService();
    await backend.holdElsewhere('k');
    expect(await service.skips()).toBeUndefined();
    expect(service.ran).toEqual([]);
    expect(backend.asked('k').map((claim) => claim.wait)).toEqual([false]);
  });

  it('skips only after its own waitTimeout, if it has one', async () => {
    const { backend, service } = await bootService();
    const letGo = await backend.holdElsewhere('k');
    const waiting = service.waitsThenSkips();
    await settle();
    expect(backend.asked('k').map((claim) => claim.wait)).toEqual([true]);
    await letGo();
    await waiting;
    expect(service.ran).toEqual(['waited']);
  });

  it('answers what the function says, which may be async, with keys and time', async () => {
    const { backend, service } = await bootService();
    const letGo = await backend.holdElsewhere('k');
    expect(await service.answers()).toBe('busy');
    expect(await service.answersLater()).toBe('busy later');
    expect(given).toEqual([
      { keys: ['k'], waited: expect.any(Number) },
      { keys: ['a', 'k'], waited: expect.any(Number) },
    ]);
    await letGo();
    expect(await service.answers()).toBe('free');
    expect(await service.answersLater()).toBe('free');
  });

  it('throws what the function throws', async () => {
    const { backend, service } = await bootService();
    await backend.holdElsewhere('k');
    expect(await errorOf(service.refuses())).toBeInstanceOf(RangeError);
  });
});

describe('answers only for its own lock:', () => {
  it("an inner method's LockTimeoutError passes through", async () => {
    const { backend, service } = await bootService();
    await backend.holdElsewhere('k');
    expect(await errorOf(service.outerSkips())).toMatchObject({ code: 'LOCK_TIMEOUT', key: 'k' });
    expect(await errorOf(service.outerAnswers())).toMatchObject({ code: 'LOCK_TIMEOUT', key: 'k' });
  });

  it('so does one that the body throws by itself, and any other error', async () => {
    const { service } = await bootService();
    for (const error of [new LockTimeoutError('free', { waited: 1 }), new Error('other')]) {
      expect(await errorOf(service.failing(error))).toBe(error);
    }
  });

  it('a store that is down is not busy', async () => {
    const { backend, service } = await bootService();
    backend.goDown();
    expect(await errorOf(service.skips())).toMatchObject({ code: 'LOCK_UNAVAILABLE' });
    expect(await errorOf(service.answers())).toMatchObject({ code: 'LOCK_UNAVAILABLE' });
  });
});
