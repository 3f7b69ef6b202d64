import type ZooKeeper from 'zookeeper';
import { until } from '../servers/until';
import { lined, serviceOn, SESSION, sessionsOn, timed, useZooKeeper } from './support';

const zookeeper = useZooKeeper();

/** Every client that the backend makes, for its credentials. */
const mockClients: ZooKeeper[] = [];
jest.mock('zookeeper', () => {
  return class extends jest.requireActual<typeof ZooKeeper>('zookeeper') {
    constructor(config: object) {
      super(config);
      mockClients.push(this);
    }
  };
});

/** Ends the session of the client that was made last, as somebody who has got hold of its password could. */
async function endSession(): Promise<void> {
  const { client_id, client_password } = mockClients.at(-1)!;
  const Client = jest.requireActual<typeof ZooKeeper>('zookeeper');
  const connect = zookeeper.server.connectString;
  do {
    const thief = new Client({ connect, timeout: SESSION, debug_level: 0, client_id, client_password });
    const connected = new Promise((resolve) => thief.once('connect', resolve).once('close', resolve));
    thief.init({});
    await connected;
    thief.close(); // in vain if its owner has come back meanwhile
  } while ((await sessionsOn(zookeeper.server)).includes(`0x${client_id}`));
}

describe('a session is closed by force', () => {
  it('a holder is told at once, its late release says lost, and it works again', async () => {
    const { server } = zookeeper;
    const other = await serviceOn(server.connectString);
    const locks = await serviceOn(server.connectString);
    let waiting: Promise<bigint> | undefined;
    const run = locks.run('k', async (lock) => {
      waiting = other.run('k', async (next) => next.fencingToken);
      await lined(server, 'k', 2);
      const took = await timed(async () => {
        await endSession();
        await until('the news', () => lock.signal.aborted);
      });
      expect(took).toBeLessThan(SESSION); // not by the end of its validity
      expect(lock.held).toBe(false);
      expect(await waiting).toBeGreaterThan(lock.fencingToken);
      return 'done';
    });
    await expect(run).rejects.toMatchObject({ name: 'LockLostError', reason: 'session', result: 'done' });
    await locks.run('k', async (lock) => expect(lock.fencingToken).toBeGreaterThan(await waiting!));
  });

  it('a waiter enters the line again, and is served', async () => {
    const { server } = zookeeper;
    const [one, other] = [await serviceOn(server.connectString), await serviceOn(server.connectString)];
    const lock = await one.acquire('k');
    const waiting = other.acquire('k');
    const [, before] = await lined(server, 'k', 2);
    await endSession();
    const [, after] = await until('another place', async () => {
      const nodes = await lined(server, 'k', 2);
      return nodes[1] !== before && nodes;
    });
    expect(after).not.toBe(before);
    expect(lock.held).toBe(true);
    await lock.release();
    const next = await waiting;
    expect(next.fencingToken).toBeGreaterThan(lock.fencingToken);
    await next.release();
  });
});
