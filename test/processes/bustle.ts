import { once } from 'node:events';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** How long a request may take that takes no time, in ms. */
const DEAF = 8_000;

/** Opens and closes many sockets for so many ms. Resolves with how many requests were answered, and how many never were. */
export async function bustle(ms: number): Promise<{ readonly answered: number; readonly unanswered: number }> {
  const server = createServer((_, response) => {
    response.write('begun');
    setTimeout(() => response.end(' and done'), 5);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const counts = { answered: 0, unanswered: 0 };
  const ask = async (): Promise<void> => {
    const request = get({ port, host: '127.0.0.1', agent: false, timeout: DEAF });
    request.on('timeout', () => request.destroy(new Error('deaf')));
    try {
      const [response] = await once(request, 'response');
      let said = '';
      for await (const chunk of response) said += String(chunk);
      if (said !== 'begun and done') throw new Error(said);
      counts.answered++;
    } catch {
      counts.unanswered++;
    }
  };
  const end = performance.now() + ms;
  const work = async (pause: number): Promise<void> => {
    while (performance.now() < end) {
      await ask();
      if (pause > 0) await sleep(pause);
    }
  };
  await Promise.all(Array.from({ length: 16 }, (_, i) => work(i % 5)));
  server.close();
  return counts;
}
