import { once } from 'node:events';
import { Redis } from 'ioredis';

/**
 * What ioredis has sent, by the command's name. `INFO commandstats` cannot be used for that: it adds what scripts call.
 */
export const commands = {};

const { sendCommand } = Redis.prototype;

Redis.prototype.sendCommand = function (command, ...rest) {
  commands[command.name] = (commands[command.name] ?? 0) + 1;
  return sendCommand.call(this, command, ...rest);
};

/** One that is there already. */
export async function connect(url) {
  const redis = new Redis(url);
  await once(redis, 'ready');
  return redis;
}
