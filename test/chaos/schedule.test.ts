import { schedule } from './schedule';

const OPTIONS = { seed: 7, duration: 600_000, ttl: 2_000, members: 4, serverFaults: ['restart', 'pause'] };

test('the same seed, the same faults; another, others', () => {
  expect(schedule(OPTIONS)).toEqual(schedule(OPTIONS));
  expect(schedule({ ...OPTIONS, seed: 8 })).not.toEqual(schedule(OPTIONS));
});

test('in ten minutes there is every fault, for every member, and peace in between', () => {
  const { members, servers } = schedule(OPTIONS);
  const kinds = new Set(members.map(({ kind }) => kind));
  expect([...kinds].sort()).toEqual(['block', 'clock', 'cut', 'delay', 'kill', 'lose replies', 'silence', 'stop']);
  expect(new Set(servers.map(({ kind }) => kind))).toEqual(new Set(['restart', 'pause']));
  expect(new Set(members.map(({ slot }) => slot))).toEqual(new Set([0, 1, 2, 3]));
  const all = [...members, ...servers].sort((a, b) => a.at - b.at);
  const pauses = all.slice(1).map((fault, i) => fault.at - all[i]!.at - all[i]!.ms);
  expect(pauses.filter((pause) => pause > 8_000).length).toBeGreaterThanOrEqual(8);
  expect(all.at(-1)!.at).toBeLessThan(OPTIONS.duration - 10_000);
});
