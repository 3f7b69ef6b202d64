import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import { HOST } from '../servers/ports';

/** As much of an old Redis as a client looks at before it begins. */
export async function startOldRedis(version: string): Promise<{ url: string; close(): void }> {
  const sockets = new Set<Socket>();
  const info = `# Server\r\nredis_version:${version}\r\nredis_mode:standalone\r\nloading:0\r\nrole:master\r\n`;
  const answers: Record<string, string> = {
    info: `$${info.length}\r\n${info}\r\n`,
    hello: '-ERR unknown command `HELLO`\r\n',
  };
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      for (const [, command] of data.toString().matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n/g)) {
        socket.write(answers[command!.toLowerCase()] ?? '+OK\r\n');
      }
    });
  });
  await once(server.listen(0, HOST), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `redis://${HOST}:${port}`,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
