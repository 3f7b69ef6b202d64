import { setTimeout as sleep } from 'node:timers/promises';
import { zookeeperBackend } from '../../lib/backends/zookeeper';
import { LockService } from '../../lib/core/lock-service';
import { until } from '../servers/until';
import { lined, nodesOn, proxyOf, serviceOn, SESSION, sessionsOn, timed, useZooKeeper, workerOn } from './support';

const zookeeper = useZooKeeper();

async function clientsOf(): Promise<number> {
  const lines = (await zookeeper.server.fourLetter('cons')).split('\n');
  return lines.filter((line) => line.includes('sid=0x')).length;
}

describe('close', () => {
  it('leaves no session, no node and no connection, at once', async () => {
    const { server } = zookeeper;
    const locks = await serviceOn({ connect: server.connectString, sessionTimeout: 60_000 });
    const operatorsView = async () => [await sessionsOn(server), await nodesOn(server), await clientsOf()];
    await locks.run('k', async () => expect(await clientsOf()).toBe(1));
    const lock = await locks.acquire('j');
    await lock.release();
    expect(await timed(() => locks.close())).toBeLessThan(10_000); // of its session of a minute
    await until('nobody', async () => String(await operatorsView()) === String([[], [], 0]), 10_000);
  });

  it('does not free a lock under a body that goes on: not before its validity has ended, but then', async () => {
    const { server } = zookeeper;
    const sessionTimeout = 8_000;
    const locks = await serviceOn({ connect: server.connectString, sessionTimeout }, { shutdownTimeout: 100 });
    const next = await serviceOn(server.connectString);
    let end = (): void => undefined;
    let validUntil = 0;
    const body = locks.run('k', async (lock) => {
      await sleep(SESSION); // it has been renewed
      validUntil = performance.now() + lock.remainingTime();
      await new Promise<void>((resolve) => (end = resolve));
    });
    body.catch(() => undefined);
    await lined(server, 'k', 1);
    const waiting = next.acquire('k');
    await until('a body that runs', () => validUntil > 0);
    await locks.close();
    await lined(server, 'k', 2);
    const lock = await waiting;
    expect(performance.now()).toBeGreaterThan(validUntil - 5);
    expect(performance.now()).toBeLessThan(validUntil + sessionTimeout + 10_000);
    end();
    await expect(body).rejects.toThrow();
    expect(lock.held).toBe(true);
    await lock.release();
  });

  it('lets the process end by itself, though a lock is held, others are waited for, and nothing was given back', async () => {
    const { server } = zookeeper;
    const worker = await workerOn(server.connectString, { shutdownTimeout: 100 });
    const holder = await serviceOn(server.connectString);
    const lock = await holder.acquire('j');
    await worker.ask('acquire', 'k', {});
    void worker.ask('acquire', 'j', {});
    await lined(server, 'j', 2);
    expect(await timed(() => worker.close())).toBeLessThan(20_000);
    expect(worker.uncaught).toEqual([]);
    await (await holder.acquire('k', { waitTimeout: '20s' })).release();
    await lined(server, 'j', 1);
    expect(lock.held).toBe(true);
    await lock.release();
  });

  it.each(['cut', 'drop'] as const)('ends soon while ZooKeeper cannot be reached: %s', async (fault) => {
    const proxy = await proxyOf(zookeeper.server);
    const options = { connect: proxy.connectString, commandTimeout: '2s' };
    const worker = await workerOn(options, { shutdownTimeout: 100 });
    await worker.ask('acquire', 'k', {});
    if (fault === 'cut') proxy.cut();
    else proxy.drop('both');
    await worker.ask('release', 'k');
    expect(await timed(() => worker.close())).toBeLessThan(20_000);
    expect(worker.uncaught).toEqual([]);
  });

  it('and used again, the backend works again, in a session of its own', async () => {
    const { server } = zookeeper;
    const backend = zookeeperBackend({ connect: server.connectString, sessionTimeout: 30_000 });
    const tokens: bigint[] = [];
    for (let i = 0; i < 3; i++) {
      const locks = new LockService({ backend, ttl: SESSION });
      await locks.open();
      tokens.push(await locks.run('k', async ({ fencingToken }) => fencingToken));
      await locks.close();
      await until('no session', async () => (await sessionsOn(server)).length === 0, 10_000);
    }
    expect(tokens[1]).toBeGreaterThan(tokens[0]!);
    expect(tokens[2]).toBeGreaterThan(tokens[1]!);
  });
});
