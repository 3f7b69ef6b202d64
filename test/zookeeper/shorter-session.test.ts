import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../servers/until';
import { serviceOn, useZooKeeper } from './support';

const zookeeper = useZooKeeper();

it('when the servers shorten a session, what they have promised before does not count', async () => {
  const { server } = zookeeper;
  const service = await serviceOn({ connect: server.connectString, sessionTimeout: 20_000, commandTimeout: '10s' });
  const lock = await service.acquire('k');
  const { signal } = lock;
  expect(lock.remainingTime()).toBeGreaterThan(5_000);
  await server.kill();
  const conf = join(server.folder, 'zoo.cfg');
  writeFileSync(conf, readFileSync(conf, 'utf8').replace(/maxSessionTimeout=\d+/, 'maxSessionTimeout=2000'));
  await server.start();
  await until('word of the loss', () => signal.aborted);
  expect(lock.held).toBe(false);
  await lock.release().catch(() => undefined);
  await until('locks again', () => service.run('k', () => true).catch(() => false));
});
