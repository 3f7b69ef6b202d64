import { overlaps, without } from './intervals';
import { schedule } from './schedule';

const OPTIONS = { seed: 7, duration: 600_000, ttl: 2_000, members: 4, serverFaults: ['restart', 'pause'] };

test('the same seed, the same faults; another, others', () => {
  expect(schedule(OPTIONS)).toEqual(schedule(OPTIONS));
  expect(schedule({ ...OPTIONS, seed: 8 })).not.toEqual(schedule(OPTIONS));
});

test('in ten minutes there is every fault, some at the same time, and peace in between', () => {
  const { members, servers } = schedule(OPTIONS);
  expect(members).toHaveLength(4);
  const always = ['block', 'cut', 'delay', 'kill', 'lose replies', 'silence', 'stop'];
  members.forEach((faults, i) => {
    expect(new Set(faults.map(({ kind }) => kind))).toEqual(new Set([...always, ...(i === 0 ? ['clock'] : [])]));
  });
  expect(new Set(servers.map(({ kind }) => kind))).toEqual(new Set(['restart', 'pause']));
  const all = [...members, servers].flat().map(({ at, ms }) => ({ from: at, to: at + ms }));
  const peace = without([{ from: 0, to: OPTIONS.duration }], all).filter(({ from, to }) => to - from >= 12_000);
  expect(peace.length).toBeGreaterThanOrEqual(9);
  const atOnce = all.filter((one) => all.filter((other) => overlaps(one, other)).length > 2);
  expect(atOnce.length).toBeGreaterThan(20);
  expect(Math.max(...all.map(({ to }) => to))).toBeLessThan(OPTIONS.duration - 10_000);
});
