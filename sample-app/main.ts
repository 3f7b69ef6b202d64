import { createApp } from './create-app';
import { startInventory } from './inventory/inventory-server';
import { readSettings } from './settings';
import { keepsLedger } from './strategies';

async function main(): Promise<void> {
  const settings = readSettings(process.env);
  const inventoryUrl = settings.inventoryUrl ?? (await startInventory()).url;
  const app = await createApp({ ...settings, inventoryUrl });
  await app.listen(settings.port);
  const url = (await app.getUrl()).replace(/\[::1?\]|127\.0\.0\.1/, 'localhost');
  console.log(`
The ticket shop listens on ${url} (locking: ${settings.locking ? 'on' : 'off'}, inventory: ${inventoryUrl}). Try:

  curl ${url}/events
  curl ${url}/events/concert/tickets -H 'content-type: application/json' -d '{"buyer":"ada","seats":2}'
  curl ${url}/events/concert/sales
  curl ${url}/cart/items -H 'x-customer: ada' -H 'content-type: application/json' -d '{"eventId":"concert","seats":2}'
  curl ${url}/cart -H 'x-customer: ada'
  curl ${url}/invoices
  curl ${url}/reports${keepsLedger(settings.lockStrategy) ? accounts(url) : ''}
`);
}

/** These are in the ledger. */
function accounts(url: string): string {
  return `
  curl ${url}/accounts/ada/deposits -H 'content-type: application/json' -d '{"amount":100}'
  curl ${url}/accounts/ada/withdrawals -H 'content-type: application/json' -d '{"amount":30}'
  curl ${url}/accounts/ada`;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
