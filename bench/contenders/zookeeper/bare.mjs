import { once } from 'node:events';
import ZooKeeper from 'zookeeper';

const EPHEMERAL = 1;

/** The two requests that any lock in ZooKeeper needs, with the client that nestlock uses: one node, made and deleted. */
export async function create(connect, { ttl }) {
  const client = new ZooKeeper({ connect, timeout: ttl, debug_level: 0 });
  client.init();
  await once(client, 'connect');
  return {
    async run(key, section) {
      const path = `/bare:${key}`;
      await answerTo((done) => client.a_create(path, '', EPHEMERAL, done));
      const result = await section();
      await answerTo((done) => client.a_delete_(path, -1, done));
      return result;
    },
  };
}

function answerTo(request) {
  return new Promise((resolve, reject) => {
    request((code, message) => (code === 0 ? resolve() : reject(new Error(message))));
  });
}
