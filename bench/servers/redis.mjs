import { startServer } from './server.mjs';

/** A Redis that stores nothing on disk. */
export async function startRedis() {
  const { port, stop } = await startServer({
    command({ port, folder }) {
      const settings = { port, bind: '127.0.0.1', dir: folder, save: '', appendonly: 'no' };
      return ['redis-server', ...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])];
    },
    ready: /Ready to accept connections/,
    missing: 'Found no redis-server: please install one, or pass --url <address>.',
  });
  return { url: `redis://127.0.0.1:${port}`, stop };
}
