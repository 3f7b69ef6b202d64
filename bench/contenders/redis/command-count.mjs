// Counts what ioredis sends, by the command's name. `INFO commandstats` cannot be used for that: it adds what scripts call.
import { Redis } from 'ioredis';

export const commands = {};

const { sendCommand } = Redis.prototype;

Redis.prototype.sendCommand = function (command, ...rest) {
  commands[command.name] = (commands[command.name] ?? 0) + 1;
  return sendCommand.call(this, command, ...rest);
};
