import type dns from 'node:dns/promises';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { until } from '../servers/until';
import { lined, proxyOf, serviceOn, useZooKeeper } from './support';

const mockLookup = jest.fn();
jest.mock('node:dns/promises', () => {
  const real = jest.requireActual<typeof dns>('node:dns/promises');
  return { ...real, lookup: (...args: Parameters<typeof real.lookup>) => mockLookup(...args) ?? real.lookup(...args) };
});

const zookeeper = useZooKeeper();

afterEach(() => void mockLookup.mockReset());

it('a name server that fails costs nobody a lock or a place in the line', async () => {
  const { server } = zookeeper;
  const proxy = await proxyOf(server);
  const service = await serviceOn({ connect: `localhost:${proxy.port}`, sessionTimeout: 10_000 });
  const held = await service.acquire('a');
  const other = await serviceOn(server.connectString);
  const theirs = await other.acquire('b');
  const waiting = service.acquire('b');
  await lined(server, 'b', 2);
  mockLookup.mockImplementation(() => Promise.reject(new Error('getaddrinfo EAI_AGAIN localhost')));
  proxy.cut();
  await proxy.restore();
  await until('the connection', () => service.run('c', () => true).catch(() => false));
  expect(held.held).toBe(true);
  await theirs.release();
  await (await waiting).release();
  await held.release();
});

it.each([false, true])('a server that says nothing is passed over; in the given order: %s', async (isOrdered) => {
  const silent = createServer();
  await once(silent.listen(0, '127.0.0.1'), 'listening');
  const { port } = silent.address() as AddressInfo;
  const connect = `127.0.0.1:${port},${zookeeper.server.connectString}`;
  const options = { host_order_deterministic: isOrdered };
  // Left to itself, the client would stay with it for two thirds of the session.
  const service = await serviceOn({ connect, sessionTimeout: 20_000, commandTimeout: '10s', options });
  expect(await service.run('k', () => 'done')).toBe('done');
  silent.close();
});

it('nobody at all is no reason to try again and again without a pause', async () => {
  mockLookup.mockImplementation(() => Promise.resolve([{ address: '127.0.0.1', family: 4 }]));
  const service = await serviceOn({ connect: 'nowhere:1', sessionTimeout: 4_000, commandTimeout: '2s' });
  await expect(service.acquire('k')).rejects.toThrow('There was no connection to ZooKeeper within 2000 ms');
  expect(mockLookup.mock.calls.length).toBeLessThan(20);
});
