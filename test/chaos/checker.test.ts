import type { Promises } from './checker';
import { check } from './checker';
import type { Disturbance, Entry } from './history';
import { sectionsOf } from './history';

const PROMISES: Promises = { ttl: 1_000 };
const MINUTE = 60_000;

interface Story {
  readonly member?: string;
  readonly key?: string;
  readonly keys?: readonly string[];
  readonly asked: number;
  /** From when to when it was held, and until when it was promised. */
  readonly held?: readonly [from: number, to: number, until?: number];
  readonly token?: number;
  readonly lost?: string;
  /** When it was answered; `null` if it never was. Default: right after. */
  readonly answered?: number | null;
  readonly error?: string;
  /** Default: it has failed if there is an error. */
  readonly outcome?: 'unknown';
  readonly shared?: boolean;
  readonly deadline?: number;
  /** Default: 2. */
  readonly permits?: number | undefined;
  readonly maxHold?: number;
}

let count = 0;
let lastToken = 0;

function entriesOf(story: Story): Entry[] {
  const {
    member = 'A',
    key = 'k',
    keys = [key],
    asked,
    held,
    lost,
    error,
    shared = false,
    answered = held?.[1] ?? asked + 1,
  } = story;
  const id = `${member}.${++count}`;
  const { deadline = asked + MINUTE, token = ++lastToken, maxHold } = story;
  const permits = 'permits' in story ? story.permits : 2;
  const entries: Entry[] = [
    { what: 'asked', id, member, at: asked, keys, shared, permits, maxHold, waits: true, deadline },
  ];
  if (held) {
    const [from, to, until = to] = held;
    for (const at of [from, to])
      entries.push({ what: 'held', id, at, until: Math.max(at, until), tokens: keys.map(() => String(token)) });
    if (answered !== null) entries.push({ what: 'over', id, at: lost ? (answered ?? to) : to, ...(lost && { lost }) });
  }
  const { outcome = error ? 'failed' : 'done' } = story;
  if (answered !== null) entries.push({ what: 'answered', id, at: answered, outcome, ...(error && { error }) });
  return entries;
}

function verdictOn(
  stories: readonly Story[],
  { disturbances = [], ...promises }: Partial<Promises> & { disturbances?: readonly Disturbance[] } = {},
) {
  return check(sectionsOf(stories.flatMap(entriesOf)), disturbances, { ...PROMISES, ...promises });
}

test('nobody says held when its maxHold has passed', () => {
  const story: Story = { asked: 0, held: [5, 1_005], maxHold: 1_000 };
  expect(verdictOn([story]).violations).toEqual([]);
  expect(verdictOn([{ ...story, maxHold: 999 }]).violations).toEqual([
    expect.stringContaining('said held 1 ms after its maxHold'),
  ]);
});

describe('exclusion', () => {
  it('lets so many shared ones in as are permitted, and any number where there is no bound', () => {
    const three = ['A', 'B', 'C'].map((member): Story => ({ member, asked: 0, held: [0, 10], shared: true }));
    expect(verdictOn(three).violations).toHaveLength(2);
    expect(verdictOn(three.map((story) => ({ ...story, permits: 3 }))).violations).toEqual([]);
    expect(verdictOn(three.map((story) => ({ ...story, permits: undefined }))).violations).toEqual([]);
  });

  it('is not broken by one after the other, by shared holders, or by different keys', () => {
    const { violations, sections } = verdictOn([
      { asked: 0, held: [0, 10] },
      { member: 'B', asked: 0, held: [11, 20] },
      { asked: 0, held: [30, 40], shared: true },
      { member: 'B', asked: 0, held: [35, 45], shared: true },
      { asked: 0, held: [0, 50], key: 'other' },
    ]);
    expect(violations).toEqual([]);
    expect(sections).toBe(5);
  });

  it.each<[string, Story, Story, Disturbance[]?]>([
    ['two exclusive ones', { asked: 0, held: [0, 10] }, { asked: 0, held: [9, 20] }],
    ['a shared and an exclusive one', { asked: 0, held: [0, 10], shared: true }, { asked: 0, held: [9, 20] }],
    ['an exclusive and a shared one', { asked: 0, held: [0, 10] }, { asked: 0, held: [9, 20], shared: true }],
    [
      'one that was promised when its process died',
      { asked: 0, held: [0, 10, 500], answered: null },
      { member: 'B', asked: 0, held: [499, 600] },
      [{ kind: 'kill', member: 'A', from: 10, to: Infinity }],
    ],
    [
      'one that ran out while its process was stopped',
      { asked: 0, held: [0, 10, 500], lost: 'expired', answered: 900 },
      { member: 'B', asked: 0, held: [499, 600] },
      [{ kind: 'stop', member: 'A', from: 10, to: 900 }],
    ],
  ])('is broken by %s', (_, first, second, disturbances = []) => {
    const { violations } = verdictOn([first, second], { disturbances });
    expect(violations).toEqual([expect.stringContaining('held it at once')]);
  });

  it('is broken by more shared holders than are permitted', () => {
    const shared: Story = { asked: 0, held: [0, 10], shared: true };
    expect(verdictOn([shared, shared]).violations).toEqual([]);
    const { violations } = verdictOn([shared, shared, shared]);
    expect(violations).toEqual([
      expect.stringContaining('held it at once'),
      expect.stringContaining('held it at once'),
    ]);
  });

  it('ends with the giving back, and with what the backend knows of a loss', () => {
    const second: Story = { member: 'B', asked: 0, held: [11, 20] };
    expect(verdictOn([{ asked: 0, held: [0, 10, 500] }, second]).violations).toEqual([]);
    const stolen: Story = { asked: 0, held: [0, 10, 500], lost: 'stolen', answered: 15 };
    const failover = { kind: 'failover', from: 5, to: 8 };
    const forgetful = { disturbances: [failover], forgetfulAfter: ['failover'] };
    expect(verdictOn([stolen, second], forgetful).violations).toEqual([]);
  });

  it('is known not to last where the store forgets, or where a lock ends with its connection', () => {
    const failover = { kind: 'failover', from: 5, to: 8 };
    const stories: Story[] = [
      { asked: 0, held: [0, 10] },
      { member: 'B', asked: 0, held: [9, 20] },
    ];
    const forgiven = verdictOn(stories, { disturbances: [failover], forgetfulAfter: ['failover'] });
    expect(forgiven).toMatchObject({ violations: [], knownOverlaps: 1, longestKnownOverlap: 1 });
    expect(verdictOn(stories, { disturbances: [failover] }).violations).toHaveLength(1);
    expect(
      verdictOn(stories, { disturbances: [{ ...failover, from: 12 }], forgetfulAfter: ['failover'] }).violations,
    ).toHaveLength(1);
    const cut: Story[] = [{ asked: 0, held: [0, 10], lost: 'session' }, stories[1]!];
    expect(verdictOn(cut, { frees: 'at once' }).violations).toEqual([]);
    const failed: Story[] = [{ asked: 0, held: [0, 10], error: 'BodyError' }, stories[1]!];
    const unknown: Story[] = [{ ...failed[0]!, error: 'LockTransactionError', outcome: 'unknown' }, stories[1]!];
    for (const each of [failed, unknown])
      expect(verdictOn(each, { frees: 'at once' })).toMatchObject({ violations: [], knownOverlaps: 1 });
    expect(verdictOn(stories, { frees: 'at once' }).violations).toHaveLength(1);
    const long: Story[] = [{ ...failed[0]!, held: [0, 1_010] }, stories[1]!];
    expect(verdictOn(long, { frees: 'at once' }).violations).toHaveLength(1);
    const late: Story[] = [{ asked: 0, held: [0, 8, 500], lost: 'expired', answered: 900 }, stories[1]!];
    expect(verdictOn(late, { frees: 'at once' })).toMatchObject({ violations: [], knownOverlaps: 0 });
    const stop = { kind: 'stop', member: 'A', from: 8, to: 900 };
    expect(verdictOn(late, { disturbances: [stop] }).violations).toHaveLength(1);
    expect(verdictOn(cut).violations).toHaveLength(1);
  });

  it('counts with each of several at once: one that is known hides no other', () => {
    const { violations, knownOverlaps } = verdictOn(
      [
        { asked: 0, held: [0, 30], lost: 'session' },
        { member: 'B', asked: 0, held: [20, 50] },
        { member: 'C', asked: 0, held: [25, 40] },
      ],
      { frees: 'at once' },
    );
    expect(knownOverlaps).toBe(2);
    expect(violations).toEqual([expect.stringMatching(/B\.\d+ .* and C\.\d+ .* held it at once/)]);
  });

  it('may end late with a connection only for as long as news take', () => {
    const overlap = (ms: number): Story[] => [
      { asked: 0, held: [0, 100 + ms], lost: 'session' },
      { member: 'B', asked: 0, held: [100, 5_000] },
    ];
    expect(verdictOn(overlap(900), { frees: 'at once' }).violations).toEqual([]);
    expect(verdictOn(overlap(1_900), { frees: 'at once' }).violations).toHaveLength(1);
    const disturbances = [{ kind: 'silence', member: 'A', from: 100, to: 1_200 }];
    expect(verdictOn(overlap(1_900), { frees: 'at once', disturbances }).violations).toEqual([]);
  });

  it('is nothing to ask of a backend that finds conflicts at the end', () => {
    const story: Story = { asked: 0, held: [0, 10], token: 1 };
    expect(verdictOn([story, story], { excludes: false }).violations).toEqual([]);
  });
});

describe('tokens', () => {
  it.each([
    ['the same', 5, false],
    ['a lesser one', 4, false],
    ['the same for a shared holder', 5, true],
  ])('are broken by %s', (_, token, shared) => {
    const { violations } = verdictOn([
      { asked: 0, held: [0, 10], token: 5 },
      { asked: 0, held: [20, 30], token, shared },
    ]);
    expect(violations).toEqual([expect.stringContaining(`token ${token}`)]);
  });

  it('may be out of order while two servers give locks', () => {
    const stories: Story[] = [
      { asked: 0, held: [0, 10], token: 5 },
      { asked: 0, held: [20, 30], token: 4 },
    ];
    const disturbances = [{ kind: 'failover', from: 15, to: 18 }];
    const known = verdictOn(stories, { disturbances, forgetfulAfter: ['failover'] });
    expect(known).toMatchObject({ violations: [], knownRegressions: 1 });
    expect(verdictOn(stories, { disturbances }).violations).toHaveLength(1);
  });

  it('need not differ among shared holders', () => {
    const shared: Story = { asked: 0, held: [0, 10], token: 5, shared: true };
    expect(verdictOn([shared, shared, { asked: 0, held: [20, 30], token: 6 }]).violations).toEqual([]);
  });
});

describe('answers', () => {
  it('may not be late', () => {
    expect(verdictOn([{ asked: 0, deadline: 100, answered: 5_000, error: 'LockTimeoutError' }]).violations).toEqual([]);
    expect(
      verdictOn([{ asked: 0, deadline: 100, answered: 5_200, error: 'LockTimeoutError' }]).violations,
    ).toHaveLength(1);
  });

  it('may be late by as long as the process stood still', () => {
    const stop = { kind: 'stop', member: 'A', from: 50, to: 3_050 };
    const late: Story = { asked: 0, deadline: 100, answered: 8_000, error: 'LockTimeoutError' };
    expect(verdictOn([late], { disturbances: [stop] }).violations).toEqual([]);
    expect(verdictOn([late], { disturbances: [{ ...stop, member: 'B' }] }).violations).toHaveLength(1);
    expect(verdictOn([late], { disturbances: [{ ...stop, kind: 'cut' }] }).violations).toHaveLength(1);
  });

  it('may not fail to come, unless the process is dead', () => {
    const silent: Story = { asked: 0, answered: null };
    const kill = { kind: 'kill', member: 'A', from: 10, to: Infinity };
    expect(verdictOn([silent]).violations).toEqual([expect.stringContaining('no answer')]);
    expect(verdictOn([silent], { disturbances: [kill] }).violations).toEqual([]);
  });

  it('may not have failed to come before the process was killed', () => {
    const kill = { kind: 'kill', member: 'A', from: 70_000, to: Infinity };
    expect(
      verdictOn([{ asked: 0, deadline: 5_000, answered: null }], { disturbances: [kill] }).violations,
    ).toHaveLength(1);
  });

  it('must come soon after the end of a stay', () => {
    const stay = (answered: number): Story => ({ asked: 0, held: [0, 10], answered });
    expect(verdictOn([stay(6_000)]).violations).toEqual([]);
    expect(verdictOn([stay(6_100)]).violations).toEqual([expect.stringContaining('did not come to its end')]);
  });

  it('may not be that the lock was lost for no reason', () => {
    const lost = (reason: string): Story => ({ asked: 0, held: [0, 10, 500], lost: reason, answered: 15 });
    for (const reason of ['stolen', 'session', 'expired'])
      expect(verdictOn([lost(reason)]).violations).toEqual([expect.stringContaining('for no reason')]);
    const disturbances = [{ kind: 'cut', member: 'A', from: 5, to: 8 }];
    expect(verdictOn([lost('expired')], { disturbances }).violations).toEqual([]);
    expect(verdictOn([{ ...lost('expired'), member: 'B' }], { disturbances }).violations).toHaveLength(1);
    expect(verdictOn([lost('session')], { frees: 'at once' }).violations).toEqual([]);
  });

  it('may not always be an error while nothing is wrong', () => {
    const vain = Array.from({ length: 20 }, (_, i): Story => ({ asked: i * 100, error: 'LockUnavailableError' }));
    expect(verdictOn(vain).violations).toEqual(['A never got a lock though nothing was wrong']);
    expect(verdictOn([...vain, { asked: 0, held: [0, 10] }]).violations).toEqual([]);
    const disturbances = [{ kind: 'restart', from: 0, to: 1_900 }];
    expect(verdictOn(vain, { disturbances }).violations).toEqual([]);
  });

  it('may not be any other error', () => {
    const { violations, errors } = verdictOn([
      { asked: 0, error: 'LockTimeoutError' },
      { asked: 0, error: 'TypeError' },
    ]);
    expect(errors).toEqual({ LockTimeoutError: 1, TypeError: 1 });
    expect(violations).toEqual([expect.stringContaining('TypeError')]);
  });
});

describe('a free lock', () => {
  const stories: Story[] = [
    { asked: 0, held: [0, 10] },
    { member: 'B', asked: 5, held: [7_000, 7_010] },
  ];

  it('may not be kept from those who wait', () => {
    const { violations, longestIdle } = verdictOn(stories);
    expect(violations).toEqual([expect.stringContaining('was free')]);
    expect(longestIdle).toBe(6_990);
  });

  it('may be as long as nobody waits, or those who do cannot take it', () => {
    expect(verdictOn([stories[0]!, { ...stories[1]!, asked: 6_900 }]).longestIdle).toBe(100);
    const disturbances = [{ kind: 'cut', member: 'B', from: 0, to: 500 }];
    expect(verdictOn(stories, { disturbances }).violations).toEqual([]);
    expect(verdictOn(stories, { disturbances: [{ ...disturbances[0]!, member: 'A' }] }).violations).toHaveLength(1);
  });

  it('is perhaps not free while somebody waits for it and another', () => {
    const both: Story = { member: 'C', keys: ['k', 'other'], asked: 100, held: [6_900, 6_910] };
    expect(verdictOn([...stories, both]).longestIdle).toBe(90);
    expect(verdictOn([...stories, { ...both, keys: ['l', 'other'] }]).violations).toHaveLength(1);
  });
});

describe('turns', () => {
  const waiting: Story = { member: 'A', asked: 0, held: [2_000, 2_010] };
  /** Sections of two other processes by turns, after one at the beginning. */
  const others = (turns: number): Story[] =>
    Array.from({ length: turns }, (_, i) => ({
      member: i % 2 === 0 ? 'B' : 'C',
      asked: 300 + i * 100,
      held: [300 + i * 100, 390 + i * 100] as const,
    }));

  it('come in order', () => {
    expect(verdictOn([...others(4), waiting])).toMatchObject({ violations: [], mostPasses: 2 });
    expect(verdictOn([...others(5), waiting]).violations).toEqual([expect.stringContaining('passed 3 times')]);
    expect(verdictOn([...others(5), waiting], { isFair: false })).toMatchObject({ violations: [], mostPasses: 3 });
  });

  it('may be a row of sections of the same process', () => {
    const row = others(8).map((story) => ({ ...story, member: 'B' }));
    expect(verdictOn([...row, waiting]).mostPasses).toBe(1);
  });

  it('begin when those who came first in the same process have had theirs', () => {
    const first: Story = { member: 'A', asked: 900, held: [1_000, 1_050] };
    expect(verdictOn([...others(7), first, waiting]).mostPasses).toBe(0);
  });

  it('are looked at again when a process that was killed is forgotten', () => {
    const kill = { kind: 'kill', member: 'D', from: -100_000, to: Infinity };
    const { violations, waits } = verdictOn([...others(5), waiting], { disturbances: [kill] });
    expect(violations).toEqual([expect.stringContaining('passed 3 times')]);
    expect(waits).toBe(1);
  });

  it('are not kept by who cannot answer', () => {
    const disturbances = [{ kind: 'stop', member: 'C', from: 100, to: 200 }];
    expect(verdictOn([...others(5), waiting], { disturbances }).mostPasses).toBe(0);
  });
});
