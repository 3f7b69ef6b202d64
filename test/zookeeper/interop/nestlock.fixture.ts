// Run by nestlock.ts: takes and gives back locks of our own as the lines of its input say, with tabs between words.
import { createInterface } from 'node:readline';
import type { ZooKeeperBackendOptions } from '../../../lib/backends/zookeeper';
import { zookeeperBackend } from '../../../lib/backends/zookeeper';
import { LockTimeoutError } from '../../../lib/core/errors';
import { LockService } from '../../../lib/core/lock-service';
import type { Lock } from '../../../lib/core/lock';

const options = JSON.parse(process.argv[2]!) as ZooKeeperBackendOptions;
const backend = zookeeperBackend(options);
const locks = new Map<string, Promise<Lock>>();
const services: LockService[] = [];
const say = (...words: readonly string[]): void => console.log(words.join('\t'));

/** Each acquisition has a service of its own, so that all of them wait in ZooKeeper. */
function service(): LockService {
  const made = new LockService({ backend, prefix: '', maxLocalHandoffs: 0, shutdownTimeout: 0 });
  services.push(made);
  return made;
}

async function acquire(id: string, kind: string, path: string, timeout?: string): Promise<void> {
  const mode = kind === 'read' ? 'shared' : 'exclusive';
  const waitTimeout = timeout === undefined ? Infinity : Number(timeout);
  const lock = service().acquire(path.slice(options.root!.length + 1), { mode, waitTimeout });
  locks.set(id, lock);
  await lock;
  say('acquired', id);
}

async function release(id: string): Promise<void> {
  await (await locks.get(id)!).release();
  say('released', id);
}

function fail(id: string, error: Error): void {
  if (error instanceof LockTimeoutError) say('timeout', id);
  else say('error', id, `${error.name}: ${error.message}`);
}

async function main(): Promise<void> {
  await service().open();
  say('ready');
  for await (const line of createInterface(process.stdin)) {
    const [command, id = '', kind = '', path = '', timeout] = line.split('\t');
    const done = command === 'acquire' ? acquire(id, kind, path, timeout) : release(id);
    done.catch((error: Error) => fail(id, error));
  }
  await Promise.all(services.map((each) => each.close()));
  process.exit();
}

void main();
