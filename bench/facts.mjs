import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';

const packageOf = (path) => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));

/** What the figures depend on. */
export async function factsAbout({ redis, plan }) {
  const [, server] = /redis_version:(\S+)/.exec(await redis.info('server'));
  const { dependencies } = packageOf('package.json');
  return [
    ['Form', plan.name],
    ['Date', new Date().toISOString().slice(0, 10)],
    ['Machine', `${cpus().length} × ${cpus()[0].model.trim()}`],
    ['Node.js', process.versions.node],
    ['Redis', server],
    ['nestlock', packageOf('../package.json').version],
    ...Object.entries(dependencies),
  ];
}
