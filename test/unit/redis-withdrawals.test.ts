import type { Call } from '../../lib/backends/redis/call';
import type { Commands } from '../../lib/backends/redis/commands';
import { ClientEndedError, unavailable } from '../../lib/backends/redis/failures';
import { Withdrawals } from '../../lib/backends/redis/withdrawals';
import type { Claim } from '../../lib/core/backend';
import { FakeClock } from '../../lib/testing';

const TTL = 30_000;

/** How often it is asked for within ten seconds, if that has failed with this cause, or with none. */
async function asked(cause?: Error): Promise<number> {
  const clock = new FakeClock();
  let count = 0;
  const request = (): Promise<never> => {
    count++;
    return Promise.reject(unavailable('Redis did not answer within 2000 ms', cause));
  };
  const withdrawals = new Withdrawals({ request } as Partial<Commands> as Commands, clock);
  withdrawals.add({ key: 'k', holder: 'h', ttl: TTL } as Claim, { ended: Promise.resolve() } as Call);
  await clock.advance(10_000);
  withdrawals.close();
  await clock.advance(TTL);
  expect(withdrawals.areDone).toBe(true);
  return count;
}

const said = (text: string): Error => Object.assign(new Error(text), { name: 'ReplyError' });

test.each([
  undefined,
  new Error('connect ECONNREFUSED 127.0.0.1:6379'),
  new Error('connect EHOSTUNREACH 10.0.0.7:6379'),
  new Error('connect ENETUNREACH 10.0.0.7:6379'),
  new Error('getaddrinfo ENOTFOUND redis'),
  new Error('getaddrinfo EAI_AGAIN redis'),
  new Error('Command timed out'),
  new Error('All sentinels are unreachable. Retrying from scratch after 10ms.'),
  new AggregateError([new Error('connect ECONNREFUSED ::1:6379')]),
  said('LOADING Redis is loading the dataset in memory'),
  said("READONLY You can't write against a read only replica."),
])('a release that failed because of %p is tried again and again', async (cause) => {
  expect(await asked(cause)).toBeGreaterThan(30);
});

test.each([said('NOPERM this user has no permissions'), said('WRONGTYPE'), new ClientEndedError()])(
  'after %p it is of no use',
  async (cause) => {
    expect(await asked(cause)).toBe(1);
  },
);

test('it is given up when nothing can be held any more', async () => {
  const clock = new FakeClock();
  const request = jest.fn(() => Promise.reject(unavailable('Redis did not answer within 2000 ms')));
  const withdrawals = new Withdrawals({ request } as Partial<Commands> as Commands, clock);
  withdrawals.add({ key: 'k', holder: 'h', ttl: TTL } as Claim, { ended: Promise.resolve() } as Call);
  await clock.advance(2 * TTL + 1_000);
  expect(withdrawals.areDone).toBe(true);
});

test('an error of several addresses is told by the first of them', () => {
  const cause = new AggregateError([new Error('connect ECONNREFUSED ::1:6379'), new Error('another')]);
  expect(unavailable('Redis did not answer', cause).message).toBe(
    'Redis did not answer: connect ECONNREFUSED ::1:6379.',
  );
});
