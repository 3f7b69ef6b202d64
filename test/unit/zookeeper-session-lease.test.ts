import { SessionLease } from '../../lib/backends/zookeeper/session-lease';
import { provableUntil } from '../../lib/core/backend';

const TIMEOUT = 10_000;

describe('until when a session with ZooKeeper provably lives', () => {
  let lease: SessionLease;

  beforeEach(() => {
    lease = new SessionLease();
  });

  /** Heartbeats as they are when all is well: each answered at once. */
  function beat(...times: number[]): void {
    for (const time of times) lease.written(time, time + 10);
  }

  it('nothing is proven before the session was made', () => {
    expect(lease.validUntil).toBe(-Infinity);
  });

  it('its creation proves it, from before it was asked for', () => {
    lease.made(1_000, TIMEOUT);
    expect(lease.validUntil).toBe(provableUntil(1_000, TIMEOUT));
  });

  it('an acknowledged write proves nothing by itself: the leader may never have been told', () => {
    lease.made(0, TIMEOUT);
    beat(5_000);
    expect(lease.validUntil).toBe(provableUntil(0, TIMEOUT));
  });

  it('a later write proves that the leader was told of an earlier one', () => {
    lease.made(0, TIMEOUT);
    beat(5_000, 9_000);
    expect(lease.validUntil).toBe(provableUntil(5_000, TIMEOUT));
  });

  it('a write too soon after the other proves nothing of it: followers report from time to time', () => {
    lease.made(0, TIMEOUT);
    beat(5_000, 7_900);
    expect(lease.validUntil).toBe(provableUntil(0, TIMEOUT));
  });

  it('what counts is the time from the answer of the one to the sending of the other', () => {
    lease.made(0, TIMEOUT);
    lease.written(5_000, 8_000);
    lease.written(9_000, 9_010);
    expect(lease.validUntil).toBe(provableUntil(0, TIMEOUT));
    lease.written(11_000, 11_010);
    expect(lease.validUntil).toBe(provableUntil(5_000, TIMEOUT));
  });

  it('with a heartbeat every sixth of the time-out, at least half of it is always left', () => {
    lease.made(0, TIMEOUT);
    for (let time = 0; time < 100_000; time += TIMEOUT / 6) {
      expect(lease.validUntil - time).toBeGreaterThan(TIMEOUT * 0.48);
      beat(time);
    }
  });

  it('it never gets shorter', () => {
    lease.made(5_000, TIMEOUT);
    lease.resumed(1_000, TIMEOUT);
    beat(6_000);
    expect(lease.validUntil).toBe(provableUntil(5_000, TIMEOUT));
  });

  describe('by way of another connection', () => {
    it('it is proven only by a write: whoever took it on may not be the leader any more', () => {
      lease.made(0, TIMEOUT);
      lease.resumed(4_000, TIMEOUT);
      expect(lease.validUntil).toBe(provableUntil(0, TIMEOUT));
      beat(4_500);
      expect(lease.validUntil).toBe(provableUntil(4_000, TIMEOUT));
    });

    it('what was written by way of the one before counts no more', () => {
      lease.made(0, TIMEOUT);
      beat(5_000);
      lease.resumed(4_000, TIMEOUT);
      beat(9_000);
      expect(lease.validUntil).toBe(provableUntil(4_000, TIMEOUT));
    });

    it('the time-out is what the server says now', () => {
      lease.made(0, TIMEOUT);
      lease.resumed(4_000, 5_000);
      beat(6_000, 8_000);
      expect(lease.validUntil).toBe(provableUntil(6_000, 5_000));
    });
  });
});
