import { until } from '../servers/until';
import { lined, operatorOn, serviceOn, useZooKeeper } from './support';

const zookeeper = useZooKeeper();

it('one who waits for a permit and has to line up again is served all the same', async () => {
  const { server } = zookeeper;
  const holder = await serviceOn(server.connectString);
  const waiter = await serviceOn(server.connectString);
  const operator = await operatorOn(server);
  const held = await holder.acquire('k', { permits: 1 });
  const waiting = waiter.acquire('k', { permits: 1 });
  for (let i = 0; i < 2; i++) {
    const [, node] = await lined(server, 'k', 2);
    await operator.delete_(node!, -1);
    await until('another node', async () => (await lined(server, 'k', 2))[1] !== node);
  }
  await held.release();
  await (await waiting).release();
});
