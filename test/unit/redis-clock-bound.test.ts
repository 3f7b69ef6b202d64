import { ClockBound } from '../../lib/backends/redis/clock-bound';
import { FakeClock } from '../../lib/testing';

/** Our clock is ahead of the server's by this, in ms: what the bound must never exceed. */
const AHEAD = -1_000_000;

function start() {
  const clock = new FakeClock();
  return { clock, bound: new ClockBound(clock), server: () => clock.now() - AHEAD };
}

test('knows nothing without a reply', () => {
  expect(start().bound.value).toBeUndefined();
});

test('takes the time of sending, not the time of the reply', async () => {
  const { clock, bound, server } = start();
  const sentAt = clock.now();
  await clock.advance(40);
  const time = server();
  await clock.advance(60);
  bound.learn(sentAt, time);
  expect(bound.value).toBe(AHEAD - 40);
});

test('the fastest request counts, until it has aged by more than a slower one loses', async () => {
  const { clock, bound, server } = start();
  bound.learn(clock.now(), server());
  await clock.advance(1_000);
  bound.learn(clock.now() - 30, server());
  expect(bound.value).toBe(AHEAD - 10);
  bound.learn(clock.now() - 5, server());
  expect(bound.value).toBe(AHEAD - 5);
});

test('never claims more than the truth while the clocks drift apart by less than 1 %', async () => {
  const { clock, bound, server } = start();
  const learnt = clock.now();
  bound.learn(clock.now(), server());
  for (let i = 0; i < 100; i++) {
    await clock.advance(100);
    const truth = AHEAD - (clock.now() - learnt) * 0.009; // the server's clock is the faster one
    expect(bound.value!).toBeLessThan(truth);
  }
});

test('a server whose clock was set forward is found out by the next thing that comes from it', async () => {
  const { clock, bound, server } = start();
  bound.learn(clock.now(), server());
  await clock.advance(10);
  bound.check(server());
  expect(bound.value).toBeDefined();
  bound.check(server() + 60_000);
  expect(bound.value).toBeUndefined();
});

test('learns anew from the very reply that has contradicted it', () => {
  const { clock, bound, server } = start();
  bound.learn(clock.now(), server());
  bound.learn(clock.now(), server() + 60_000);
  expect(bound.value).toBe(AHEAD - 60_000);
});

test('a server whose clock was set back makes leases seem to end too early, until it is heard of', () => {
  const { clock, bound, server } = start();
  const setBack = (): number => server() - 60_000;
  bound.learn(clock.now(), server());
  expect(setBack() + bound.value!).toBe(clock.now() - 60_000);
  bound.learn(clock.now(), setBack());
  expect(setBack() + bound.value!).toBe(clock.now());
});
