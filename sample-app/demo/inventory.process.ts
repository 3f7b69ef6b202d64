// The inventory as a process of its own, with the seats of one event: `inventory.process.js <event> <seats>`.
import { startInventory } from '../inventory/inventory-server';

async function main([eventId = '', seats]: readonly string[]): Promise<void> {
  const { url } = await startInventory({ events: { [eventId]: { name: 'The event', seats: Number(seats) } } });
  // The demo is gone, however it ended.
  process.once('disconnect', () => process.exit());
  process.send?.({ url });
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
