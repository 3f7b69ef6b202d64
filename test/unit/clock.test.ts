import { memoryBackend } from '../../lib/backends/memory/memory.backend';
import { createClock } from '../../lib/core/clock';
import { LockService } from '../../lib/core/lock-service';
import { FakeClock } from '../../lib/testing/fake-clock';

function machine() {
  const time = { monotonic: 50, wall: 1_700_000_000_000 };
  const clock = createClock(
    () => time.monotonic,
    () => time.wall,
  );
  return {
    clock,
    run(ms: number) {
      time.monotonic += ms;
      time.wall += ms;
    },
    suspend(ms: number) {
      time.wall += ms;
    },
    setWall(by: number) {
      time.wall += by;
    },
    /** How far the clock moves while `body` runs. */
    elapsed(body: () => void) {
      const before = clock.now();
      body();
      return clock.now() - before;
    },
  };
}

describe('createClock', () => {
  test('runs with the monotonic clock', () => {
    const { clock, run } = machine();
    expect(clock.now()).toBe(50);
    run(1_234.5);
    expect(clock.now()).toBe(1_284.5);
  });

  test('counts the time during which the machine was suspended, for good', () => {
    const { elapsed, run, suspend } = machine();
    expect(elapsed(() => suspend(60_000))).toBe(60_000);
    expect(elapsed(() => run(1_000))).toBe(1_000);
    expect(elapsed(() => suspend(5_000))).toBe(5_000);
  });

  test('does not move when the wall clock is set back', () => {
    const { elapsed, setWall, run } = machine();
    expect(elapsed(() => setWall(-3_600_000))).toBe(0);
    expect(elapsed(() => run(10))).toBe(10);
  });

  test('counts a suspension after the wall clock was set back', () => {
    const { clock, elapsed, setWall, suspend } = machine();
    clock.now();
    setWall(-3_600_000);
    clock.now();
    expect(elapsed(() => suspend(30_000))).toBe(30_000);
  });

  test('counts a suspension, a step back, and another suspension', () => {
    const { clock, elapsed, setWall, suspend } = machine();
    expect(elapsed(() => suspend(20_000))).toBe(20_000);
    expect(elapsed(() => setWall(-20_000))).toBe(0);
    expect(elapsed(() => suspend(7_000))).toBe(7_000);
    expect(clock.now()).toBe(50 + 27_000);
  });

  test('never goes back, and never falls behind the monotonic clock, whatever the wall clock does', () => {
    const { clock, run, setWall } = machine();
    let last = clock.now();
    let ran = 0;
    for (const step of [500, -400, -5_000, 100, 90_000, -90_000, -999, 999, -1_001, 3, -3]) {
      setWall(step);
      run(1);
      ran++;
      expect(clock.now()).toBeGreaterThanOrEqual(last + 1);
      expect(clock.now()).toBeGreaterThanOrEqual(50 + ran);
      last = clock.now();
    }
  });

  test('jitter of the wall clock does not add up', () => {
    const { clock, run, setWall } = machine();
    clock.now();
    for (let i = 0; i < 1_000; i++) {
      setWall(i % 2 === 0 ? 1 : -1);
      run(10);
      clock.now();
    }
    expect(clock.now() - (50 + 10_000)).toBeLessThanOrEqual(2);
  });

  test('a suspended machine finds its locks lost when it wakes', async () => {
    const { clock, run, suspend } = machine();
    const locks = new LockService({ backend: memoryBackend({ clock }) });
    const lock = await locks.acquire('k', { ttl: '10s' });
    run(5);
    expect(lock.held).toBe(true);
    suspend(10_000);
    expect(lock.held).toBe(false);
    expect(lock.signal.aborted).toBe(true);
    await lock.release();
  });

  test('sets timers of the process', async () => {
    const clock = createClock();
    await new Promise<void>((resolve) => clock.setTimeout(resolve, 0));
    const never = jest.fn();
    clock.clearTimeout(clock.setTimeout(never, 0));
    await new Promise<void>((resolve) => clock.setTimeout(resolve, 5));
    expect(never).not.toHaveBeenCalled();
  });
});

describe('FakeClock', () => {
  test('runs timers in the order of their time, each at its time', async () => {
    const clock = new FakeClock(0);
    const fired: [string, number][] = [];
    clock.setTimeout(() => fired.push(['b', clock.now()]), 20);
    clock.setTimeout(() => {
      fired.push(['a', clock.now()]);
      clock.setTimeout(() => fired.push(['c', clock.now()]), 5);
    }, 10);
    await clock.advance(30);
    expect(fired).toEqual([
      ['a', 10],
      ['c', 15],
      ['b', 20],
    ]);
    expect(clock.now()).toBe(30);
    expect(clock.pending).toBe(0);
  });

  test('runs timers of the same time in the order in which they were set', async () => {
    const clock = new FakeClock(0);
    const fired: number[] = [];
    for (const i of [1, 2, 3]) clock.setTimeout(() => fired.push(i), 10);
    await clock.advance(10);
    expect(fired).toEqual([1, 2, 3]);
  });

  test('a stall lets time pass without timers, which then run late', async () => {
    const clock = new FakeClock(0);
    const fired: number[] = [];
    clock.setTimeout(() => fired.push(clock.now()), 10);
    clock.stall(100);
    expect(fired).toEqual([]);
    await clock.advance(0);
    expect(fired).toEqual([100]);
  });

  test('never goes back: a callback may stall for longer than the advance', async () => {
    const clock = new FakeClock(0);
    clock.setTimeout(() => clock.stall(100), 10);
    await clock.advance(20);
    expect(clock.now()).toBe(110);
  });

  test('forgets cleared timers', async () => {
    const clock = new FakeClock(0);
    const never = jest.fn();
    clock.clearTimeout(clock.setTimeout(never, 10));
    await clock.advance(100);
    expect(never).not.toHaveBeenCalled();
  });
});
