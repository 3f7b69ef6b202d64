import type { Promises } from './checker';
import { check } from './checker';
import type { Disturbance, Entry } from './history';
import { sectionsOf } from './history';

const PROMISES: Promises = { ttl: 1_000 };
const MINUTE = 60_000;

interface Story {
  readonly member?: string;
  readonly key?: string;
  readonly asked: number;
  /** From when to when it was held, and until when it was promised. */
  readonly held?: readonly [from: number, to: number, until?: number];
  readonly token?: number;
  readonly lost?: string;
  /** When it was answered; `null` if it never was. Default: right after. */
  readonly answered?: number | null;
  readonly error?: string;
  readonly shared?: boolean;
  readonly deadline?: number;
}

let count = 0;
let lastToken = 0;

function entriesOf(story: Story): Entry[] {
  const {
    member = 'A',
    key = 'k',
    asked,
    held,
    lost,
    error,
    shared = false,
    answered = held?.[1] ?? asked + 1,
  } = story;
  const id = `${member}.${++count}`;
  const { deadline = asked + MINUTE, token = ++lastToken } = story;
  const entries: Entry[] = [
    { what: 'asked', id, member, at: asked, keys: [key], shared, permits: 2, waits: true, deadline },
  ];
  if (held) {
    const [from, to, until = to] = held;
    for (const at of [from, to])
      entries.push({ what: 'held', id, at, until: Math.max(at, until), tokens: [String(token)] });
    if (answered !== null) entries.push({ what: 'over', id, at: lost ? (answered ?? to) : to, ...(lost && { lost }) });
  }
  if (answered !== null)
    entries.push({ what: 'answered', id, at: answered, outcome: error ? 'failed' : 'done', ...(error && { error }) });
  return entries;
}

function verdictOn(
  stories: readonly Story[],
  { disturbances = [], ...promises }: Partial<Promises> & { disturbances?: readonly Disturbance[] } = {},
) {
  return check(sectionsOf(stories.flatMap(entriesOf)), disturbances, { ...PROMISES, ...promises });
}

describe('exclusion', () => {
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
    expect(verdictOn([shared, shared, shared]).violations).toEqual([expect.stringContaining('held it at once')]);
  });

  it('ends with the giving back, and with what the backend knows of a loss', () => {
    const second: Story = { member: 'B', asked: 0, held: [11, 20] };
    expect(verdictOn([{ asked: 0, held: [0, 10, 500] }, second]).violations).toEqual([]);
    expect(verdictOn([{ asked: 0, held: [0, 10, 500], lost: 'stolen', answered: 15 }, second]).violations).toEqual([]);
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
    expect(verdictOn(cut).violations).toHaveLength(1);
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

  it('are not kept by who cannot answer', () => {
    const disturbances = [{ kind: 'stop', member: 'C', from: 100, to: 200 }];
    expect(verdictOn([...others(5), waiting], { disturbances }).mostPasses).toBe(0);
  });
});
