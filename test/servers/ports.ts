import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

export const HOST = '127.0.0.1';

/** Each process of jest has ports of its own, and so has whatever it starts. */
const SLICE = 2_500;
const FIRST = 10_000 + ((Number(process.env['JEST_WORKER_ID'] ?? 1) - 1) % 4) * SLICE;

/**
 * A port that is free now, and so is the one 10,000 above it, where a node of Redis Cluster listens as well. Both are below
 * the ports of outgoing connections: nobody takes them by chance while a server restarts.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, FIRST + SLICE);
    if ((await isFree(port)) && (await isFree(port + 10_000))) return port;
  }
}

/** So many of them, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort());
  return [...ports];
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(port, HOST), 'listening');
    await new Promise((resolve) => server.close(resolve));
    return true;
  } catch {
    return false;
  }
}
