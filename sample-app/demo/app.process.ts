// One app process of the demo: the sample app, on a free port that it reports to its parent.
import { createApp } from '../create-app';
import { readSettings } from '../settings';

async function main(): Promise<void> {
  const { inventoryUrl, ...settings } = readSettings(process.env);
  if (!inventoryUrl) throw new Error('INVENTORY_URL is not set');
  const app = await createApp({ ...settings, inventoryUrl }, { logger: ['warn', 'error', 'fatal'] });
  await app.listen(settings.port, '127.0.0.1');
  // The demo is gone, however it ended.
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  process.send?.({ url: await app.getUrl() });
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
