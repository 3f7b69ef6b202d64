import { Patience } from '../../lib/core/patience';
import { FakeClock } from '../../lib/testing/fake-clock';

const scene = () => {
  const clock = new FakeClock();
  const patience = new Patience(clock);
  const ended: string[] = [];
  return { clock, ended, after: (ms: number, name: string) => patience.after(ms, () => ended.push(name)) };
};

test('gives up each at its time', async () => {
  const { clock, ended, after } = scene();
  after(300, 'long');
  after(100, 'short');
  await clock.advance(99);
  expect(ended).toEqual([]);
  await clock.advance(1);
  expect(ended).toEqual(['short']);
  after(100, 'later');
  await clock.advance(200);
  expect(ended).toEqual(['short', 'later', 'long']);
  expect(clock.pending).toBe(0);
});

test('what has come is not given up', async () => {
  const { clock, ended, after } = scene();
  const stop = after(100, 'came');
  after(100, 'did not');
  stop();
  await clock.advance(500);
  expect(ended).toEqual(['did not']);
});

test('has one timer, whatever comes and goes', async () => {
  const { clock, after } = scene();
  for (let i = 0; i < 100; i++) after(100 + i, 'x')();
  expect(clock.pending).toBe(1);
  await clock.advance(100);
  expect(clock.pending).toBe(0);
});

test('after the process was blocked, answers have as long again to be heard, once', async () => {
  const { clock, ended, after } = scene();
  after(100, 'x');
  clock.stall(5_000);
  await clock.advance(99);
  expect(ended).toEqual([]);
  clock.stall(5_000);
  await clock.advance(0);
  expect(ended).toEqual(['x']);
});

test('keeps the process alive only while somebody waits', () => {
  const calls: string[] = [];
  const timer = { ref: () => calls.push('ref'), unref: () => calls.push('unref') };
  const patience = new Patience({ now: () => 0, setTimeout: () => timer, clearTimeout: () => {} });
  const [stop, stopOther] = [patience.after(100, () => {}), patience.after(100, () => {})];
  stop();
  expect(calls).toEqual([]);
  stopOther();
  expect(calls).toEqual(['unref']);
  patience.after(100, () => {});
  expect(calls).toEqual(['unref', 'ref']);
});
