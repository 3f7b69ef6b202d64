import { createHash, randomBytes } from 'node:crypto';

const RELEASE = `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0`;
const RELEASE_SHA = createHash('sha1').update(RELEASE).digest('hex');

/** The two commands that any lock in Redis needs, and nothing else: no waiting, no renewal, no checks. */
export async function create(redis, { ttl }) {
  await redis.script('LOAD', RELEASE);
  const owner = randomBytes(16).toString('hex');
  let calls = 0;
  return {
    async run(key, section) {
      const holder = `${owner}${calls++}`;
      await redis.set(key, holder, 'PX', ttl, 'NX');
      const result = await section();
      await redis.evalsha(RELEASE_SHA, 1, key, holder);
      return result;
    },
  };
}
