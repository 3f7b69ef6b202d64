import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../servers/until';
import { lined, operatorOn, proxyOf, serviceOn, SESSION, sessionsOn, timed, useZooKeeper } from './support';

const zookeeper = useZooKeeper();
const ANY = -1;

describe('an operator deletes', () => {
  it.each(['exclusive', 'shared'] as const)('the node of a holder: it is told by its signal: %s', async (mode) => {
    const { server } = zookeeper;
    const [one, other] = [await serviceOn(server.connectString), await serviceOn(server.connectString)];
    const operator = await operatorOn(server);
    const run = one.run(
      'k',
      async (lock) => {
        const [node] = await lined(server, 'k', 1);
        await operator.delete_(node!, ANY);
        const took = await timed(() => until('the news', () => lock.signal.aborted));
        expect(took).toBeLessThan(SESSION); // by the next renewal, or at once if there was one
        return lock.fencingToken;
      },
      { mode },
    );
    await expect(run).rejects.toMatchObject({ name: 'LockLostError', reason: 'stolen' });
    await other.run('k', () => undefined);
    await one.run('k', () => undefined);
  });

  it('the node of a holder that has been renewed: it is told at once', async () => {
    const { server } = zookeeper;
    const locks = await serviceOn({ connect: server.connectString, sessionTimeout: 20_000 }, { ttl: 15_000 });
    const operator = await operatorOn(server);
    const lock = await locks.acquire('k');
    const [node] = await lined(server, 'k', 1);
    await until('a watch', async () => (await server.fourLetter('wchp')).includes(node!));
    await operator.delete_(node!, ANY);
    expect(await timed(() => until('the news', () => lock.signal.aborted))).toBeLessThan(4_000);
    expect(lock.signal.reason).toMatchObject({ reason: 'stolen' });
    expect(lock.held).toBe(false);
    await lock.release();
  });

  it('the node of a holder whose connection was lost before: it is told as well', async () => {
    const { server } = zookeeper;
    const proxy = await proxyOf(server);
    const locks = await serviceOn({ connect: proxy.connectString, sessionTimeout: 10_000 }, { ttl: 10_000 });
    const operator = await operatorOn(server);
    const lock = await locks.acquire('k');
    const [node] = await lined(server, 'k', 1);
    const isWatched = async (): Promise<boolean> => (await server.fourLetter('wchp')).includes(node!);
    await until('a watch', isWatched);
    proxy.cut();
    await until('no watch', async () => !(await isWatched()));
    await proxy.restore();
    await until('a watch', isWatched);
    await operator.delete_(node!, ANY);
    await until('the news', () => lock.signal.aborted);
    await lock.release();
  });

  it('writes to the node of a holder instead: it keeps its lock, and goes on watching', async () => {
    const { server } = zookeeper;
    const locks = await serviceOn(server.connectString);
    const operator = await operatorOn(server);
    const lock = await locks.acquire('k');
    const [node] = await lined(server, 'k', 1);
    for (let i = 0; i < 3; i++) {
      await until('a watch', async () => (await server.fourLetter('wchp')).includes(node!));
      await operator.set(node!, 'mine', ANY);
    }
    await until('a watch', async () => (await server.fourLetter('wchp')).includes(node!));
    expect(lock.held).toBe(true);
    await lock.release();
  });

  it('the node of a waiter: it enters the line again', async () => {
    const { server } = zookeeper;
    const services = [];
    for (let i = 0; i < 3; i++) services.push(await serviceOn(server.connectString));
    const operator = await operatorOn(server);
    const lock = await services[0]!.acquire('k');
    const served: number[] = [];
    const waiting: Promise<unknown>[] = [];
    for (const i of [1, 2]) {
      waiting.push(services[i]!.run('k', () => served.push(i)));
      await lined(server, 'k', i + 1);
    }
    await operator.delete_((await lined(server, 'k', 3))[1]!, ANY);
    await sleep(300); // the last one has looked again, and still waits for the holder
    expect(served).toEqual([]);
    await lock.release();
    await Promise.all(waiting);
    expect(served).toEqual([2, 1]); // the first one has seen it when its turn seemed to have come
  });

  it('the lock with all its nodes: holders are told, waiters come back, tokens go on', async () => {
    const { server } = zookeeper;
    const services = [];
    for (let i = 0; i < 3; i++) services.push(await serviceOn(server.connectString));
    const operator = await operatorOn(server);
    const lock = await services[0]!.acquire('k');
    const waiting = [services[1]!.acquire('k')];
    await lined(server, 'k', 2);
    waiting.push(services[2]!.acquire('k'));
    const nodes = await lined(server, 'k', 3);
    await Promise.all([...nodes, '/nestlock/nestlock:k'].map((path) => operator.delete_(path, ANY)));
    const tokens: bigint[] = [];
    await Promise.all(
      waiting.map(async (each) => {
        const next = await each;
        tokens.push(next.fencingToken);
        await sleep(100);
        expect(next.held).toBe(true);
        await next.release();
      }),
    );
    expect(tokens[0]).toBeGreaterThan(lock.fencingToken);
    expect(tokens[1]).toBeGreaterThan(tokens[0]!);
    await until('the news', () => lock.signal.aborted);
    await lock.release();
  });

  it('what proves a session, and even the whole root: it is made again, and nothing is lost', async () => {
    const { server } = zookeeper;
    const locks = await serviceOn(server.connectString);
    const operator = await operatorOn(server);
    const lock = await locks.acquire('k');
    const proofs = (): Promise<string[]> => operator.get_children('/nestlock/%sessions', false);
    for (let i = 0; i < 3; i++) {
      const [proof] = await until('a proof', async () => (await proofs()).length === 1 && proofs());
      const both = [`/nestlock/%sessions/${proof}`, ...(i === 1 ? ['/nestlock/%sessions'] : [])];
      await Promise.all(both.map((path) => operator.delete_(path, ANY))); // before another one is made
    }
    await until('a proof', async () => (await proofs()).length === 1);
    await sleep(SESSION);
    expect(lock.held).toBe(true);
    expect(await sessionsOn(server)).toHaveLength(2);
    await lock.release();
    await locks.run('k', () => undefined);
  });
});
