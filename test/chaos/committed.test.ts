import { wrongWrites } from './committed';
import type { Outcome, Section } from './history';
import type { Noted } from './place';

function section(id: string, outcome?: Outcome): Section {
  const asked = {
    what: 'asked',
    id,
    member: 'A',
    at: 0,
    keys: ['k'],
    shared: false,
    permits: 1,
    waits: true,
    deadline: 1,
  } as const;
  const answered = outcome && ({ what: 'answered', id, at: 2, outcome } as const);
  return { asked, held: [], over: undefined, answered };
}

const noted = (name: string, value: number): Noted => ({ section: name, id: 'k', value });
const SECTIONS = [section('A.1', 'done'), section('A.2', 'failed'), section('A.3', 'unknown'), section('A.4')];

test.each([
  ['what is done, and nothing else', 1, [noted('A.1', 0)]],
  ['what may have been committed, and was', 3, [noted('A.1', 0), noted('A.3', 1), noted('A.4', 2)]],
])('nothing is wrong with %s', (_, value, log) => {
  expect(wrongWrites(new Map([['k', value]]), log, SECTIONS)).toEqual([]);
});

test.each([
  ['done and not there', 0, [], 'A.1 is done'],
  ['failed and there', 2, [noted('A.1', 0), noted('A.2', 1)], 'A.2 failed'],
  ['there twice', 2, [noted('A.1', 0), noted('A.1', 1)], 'more than once'],
  ['written over, and made up for by nothing', 1, [noted('A.1', 0), noted('A.3', 0)], '1 updates were lost'],
  ['not counted', 0, [noted('A.1', 0)], 'k is 0 after 1'],
])('a write is found that is %s', (_, value, log, expected) => {
  expect(wrongWrites(new Map([['k', value]]), log, SECTIONS)).toEqual([expect.stringContaining(expected)]);
});
