import { setTimeout as sleep } from 'node:timers/promises';
import ZooKeeper from 'zookeeper';
import { anyZooKeeper, startZooKeeper, type ZooKeeperServer } from './zookeeper';
import { startZooKeeperEnsemble, type ZooKeeperEnsemble } from './zookeeper-ensemble';
import { until } from './until';

const { ZOO_EPHEMERAL, ZOO_SEQUENCE, ZOO_CONTAINER } = ZooKeeper.constants;
const clients: ZooKeeper[] = [];

/** A client that says nothing on stderr. It is not to be used any more after the test. */
async function open(connect: string, timeout = 10_000): Promise<ZooKeeper> {
  const client = new ZooKeeper({ connect, timeout, debug_level: 0 });
  clients.push(client);
  const connected = new Promise((resolve) => client.once('connect', resolve));
  client.init({});
  await connected;
  return client;
}

function closeAll(): void {
  for (const client of clients.splice(0)) client.close();
}

describe('ZooKeeper', () => {
  let server: ZooKeeperServer;

  afterEach(async () => {
    closeAll();
    await server?.stop();
  });

  it('starts on a port of its own, and does what it is asked', async () => {
    server = await startZooKeeper();
    const other = await startZooKeeper();
    expect(other.port).not.toBe(server.port);
    await other.stop();
    expect(await server.mode()).toBe('standalone');
    const client = await open(server.connectString);
    expect(await client.create('/a', 'data', 0)).toBe('/a');
    expect(await client.create('/a/b-', '', ZOO_EPHEMERAL | ZOO_SEQUENCE)).toBe('/a/b-0000000000');
    expect(await server.fourLetter('dump')).toContain('/a/b-0000000000');
  });

  it('takes short sessions, and lines of zoo.cfg', async () => {
    server = await startZooKeeper({ conf: ['maxSessionTimeout=5000'] });
    const short = await open(server.connectString, 300);
    const long = await open(server.connectString, 60_000);
    expect([short.timeout, long.timeout]).toEqual([300, 5_000]);
  });

  it('is started again with all that it knew', async () => {
    server = await startZooKeeper();
    const client = await open(server.connectString);
    await client.create('/kept', 'data', 0);
    await client.create('/mine', '', ZOO_EPHEMERAL);
    const id = client.client_id;
    const again = new Promise((resolve) => client.once('connect', resolve));
    await server.kill();
    expect(server.running).toBe(false);
    await server.start();
    await again;
    expect(client.client_id).toBe(id);
    expect((await client.get_children('/', false)).sort()).toEqual(['kept', 'mine', 'zookeeper']);
  });

  it('removes containers that have become empty as often as it is told to', async () => {
    server = await startZooKeeper({ containerCheckInterval: 100 });
    const client = await open(server.connectString);
    await client.create('/container', '', ZOO_CONTAINER);
    await client.create('/container/child', '', 0);
    await client.delete_('/container/child', -1);
    await until('no container', async () => !(await client.get_children('/', false)).includes('container'));
  });

  it('is another if there is one already', async () => {
    const { ZOOKEEPER_URL } = process.env;
    process.env['ZOOKEEPER_URL'] = 'zookeeper.test:2181/tests';
    try {
      const any = await anyZooKeeper();
      expect(any.connectString).toBe('zookeeper.test:2181/tests');
      await any.stop();
    } finally {
      if (ZOOKEEPER_URL === undefined) delete process.env['ZOOKEEPER_URL'];
      else process.env['ZOOKEEPER_URL'] = ZOOKEEPER_URL;
    }
  });
});

describe('a ZooKeeper ensemble', () => {
  let ensemble: ZooKeeperEnsemble;

  beforeEach(async () => {
    ensemble = await startZooKeeperEnsemble({ syncLimit: 20 });
  }, 60_000);
  afterEach(async () => {
    closeAll();
    await ensemble?.stop();
  }, 60_000);

  /** How often it has heard from others whom they want as a leader. */
  const votes = (server: ZooKeeperServer): number => {
    const id = ensemble.servers.indexOf(server) + 1;
    return [...server.log().matchAll(/Notification: .* n\.sid:(\d)/g)].filter(([, from]) => from !== `${id}`).length;
  };

  it('has another leader when its leader dies, and keeps what it knows', async () => {
    const client = await open(ensemble.connectString);
    await client.create('/kept', '', 0);
    const leader = await ensemble.leader();
    await leader.kill();
    const successor = await ensemble.leader();
    expect(successor).not.toBe(leader);
    await leader.start();
    expect(await leader.mode()).toBe('follower');
    const late = await open(leader.connectString);
    await late.sync('/');
    expect(await late.exists('/kept', false)).toBeTruthy();
  }, 60_000);

  it('goes on without a follower that is isolated; the follower knows only what it knew, and not for long', async () => {
    const [follower] = await ensemble.followers();
    const aside = await open(follower!.connectString);
    const client = await open((await ensemble.leader()).connectString);
    await client.create('/before', '', 0);
    await aside.sync('/');
    ensemble.isolate(follower!);
    const heard = votes(follower!);
    await client.create('/after', '', 0);
    expect((await aside.get_children('/', false)).sort()).toEqual(['before', 'zookeeper']);
    await until('a follower that has given up', async () => !(await follower!.serves()));
    await sleep(1_000);
    expect(votes(follower!)).toBe(heard);
    await ensemble.heal(follower!);
    await until('a follower that is back', () => follower!.serves());
    const late = await open(follower!.connectString);
    expect((await late.get_children('/', false)).sort()).toEqual(['after', 'before', 'zookeeper']);
  }, 60_000);

  it('ends the session of a client whose server is isolated, while that still answers', async () => {
    await ensemble.stop();
    ensemble = await startZooKeeperEnsemble({ syncLimit: 150 }); // the follower bears the silence for 15 s
    const [follower] = await ensemble.followers();
    const client = await open((await ensemble.leader()).connectString);
    const aside = await open(follower!.connectString, 4_000);
    await aside.create('/mine', '', ZOO_EPHEMERAL);
    const gone = new Promise((resolve) => {
      void client.w_exists('/mine', resolve);
    });
    await client.sync('/');
    ensemble.isolate(follower!);
    await gone;
    expect(await aside.exists('/mine', false)).toBeTruthy();
    expect(await follower!.serves()).toBe(true);
  }, 60_000);

  it('has another leader when its leader is isolated, which follows that as soon as it is healed', async () => {
    const leader = await ensemble.leader();
    ensemble.isolate(leader);
    const successor = await ensemble.leader();
    expect(successor).not.toBe(leader);
    await until('a leader that has given up', async () => !(await leader.serves()));
    const client = await open(successor.connectString);
    await client.create('/new', '', 0);
    await ensemble.heal(leader);
    await until('a leader that follows', async () => (await leader.mode()) === 'follower');
    expect(await ensemble.leader()).toBe(successor);
    const late = await open(leader.connectString);
    expect(await late.exists('/new', false)).toBeTruthy();
  }, 60_000);
});
