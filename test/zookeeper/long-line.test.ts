import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import ZooKeeper from 'zookeeper';
import type { ZooKeeperServer } from '../servers/zookeeper';
import { lined, operatorOn, serviceOn, SESSION, sessionsOn, useZooKeeper } from './support';

const zookeeper = useZooKeeper();
const { ZOO_EPHEMERAL_SEQUENTIAL } = ZooKeeper.constants;
const PIECE = 16 * 1_024;

/** A network that is not fast: what the server says comes in pieces. */
async function slowWayTo(server: ZooKeeperServer): Promise<string> {
  const way = createServer((client) => {
    const upstream = connect(server.port, server.host);
    const end = (): void => void (client.destroy(), upstream.destroy());
    client.on('error', end).on('close', end);
    upstream.on('error', end).on('close', end);
    client.pipe(upstream);
    let last: Promise<unknown> = Promise.resolve();
    upstream.on('data', (data: Buffer) => {
      for (let i = 0; i < data.length; i += PIECE) {
        last = last.then(() => client.write(data.subarray(i, i + PIECE))).then(() => sleep(i > 0 ? 2 : 0));
      }
    });
  });
  await once(way.unref().listen(0, server.host), 'listening');
  return `${server.host}:${(way.address() as AddressInfo).port}`;
}

it('a line so long that its list comes in many pieces is no end of the session', async () => {
  const { server } = zookeeper;
  const locks = await serviceOn({ connect: await slowWayTo(server), commandTimeout: '10s' });
  await locks.run('k', () => undefined);
  const held = await locks.acquire('j');
  const [session] = await sessionsOn(server);
  const operator = await operatorOn(server);
  const name = `/nestlock/nestlock:k/${'x'.repeat(400)}__WRIT__`;
  await Promise.all(Array.from({ length: 2_000 }, () => operator.create(name, '', ZOO_EPHEMERAL_SEQUENTIAL)));
  const waiting = locks.acquire('k');
  const nodes = await lined(server, 'k', 2_001);
  await sleep(SESSION);
  expect(await sessionsOn(server)).toContain(session);
  expect(held.held).toBe(true);
  await held.release();
  await Promise.all(nodes.slice(0, -1).map((node) => operator.delete_(node, -1)));
  await (await waiting).release();
}, 60_000);
