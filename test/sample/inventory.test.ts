import { type Inventory, startInventory } from '../../sample-app/inventory/inventory-server';

describe('the inventory', () => {
  let inventory: Inventory;
  const send = async (method: string, path: string, body?: string, token?: string) => {
    const headers: Record<string, string> = token === undefined ? {} : { 'x-fencing-token': token };
    const response = await fetch(inventory.url + path, { method, headers, ...(body !== undefined && { body }) });
    return { status: response.status, body: (await response.json()) as any };
  };
  const put = (seats: number, token?: string) => send('PUT', '/events/concert', JSON.stringify({ seats }), token);
  const seats = async () => (await send('GET', '/events/concert')).body.seats as number;

  beforeEach(async () => {
    inventory = await startInventory({ events: { concert: { name: 'Concert', seats: 10 } } });
  });
  afterEach(() => inventory.close());

  it('lets the last writer win', async () => {
    await put(9);
    await put(8);
    expect(await seats()).toBe(8);
  });

  it('refuses a write with an older fencing token, and counts it', async () => {
    expect((await put(9, '7')).status).toBe(200);
    expect(await put(5, '6')).toMatchObject({ status: 412, body: { message: expect.stringContaining('out of date') } });
    expect(await seats()).toBe(9);
    expect((await send('GET', '/stats')).body.staleRefused).toBe(1);
  });

  it('refuses a write of who has read before another did, though that one has not written yet', async () => {
    const read = (token: string) => send('GET', '/events/concert', undefined, token);
    expect((await read('6')).status).toBe(200);
    expect((await read('7')).status).toBe(200);
    expect((await put(5, '6')).status).toBe(412);
    expect((await read('6')).status).toBe(412);
    expect((await put(9, '7')).status).toBe(200);
    expect((await send('GET', '/carts/ada', undefined, '7')).status).toBe(404);
    expect((await send('PUT', '/carts/ada', '{}', '6')).status).toBe(412);
  });

  it('lets one holder write more than once', async () => {
    await put(9, '7');
    expect((await put(8, '7')).status).toBe(200);
  });

  it('compares tokens as numbers of any size', async () => {
    await put(9, '9007199254740993');
    expect((await put(8, '9007199254740992')).status).toBe(412);
    expect((await put(8, '10000000000000000')).status).toBe(200);
  });

  it('refuses a write without a token once there has been one with', async () => {
    await put(9, '7');
    expect((await put(8)).status).toBe(412);
    expect((await send('PUT', '/carts/ada', '{}')).status).toBe(200);
  });

  it('refuses what it does not understand', async () => {
    expect((await put(9, 'seven')).status).toBe(400);
    expect((await send('PUT', '/events/concert', '{')).status).toBe(400);
    expect((await send('GET', '/events/opera')).status).toBe(404);
    expect((await send('GET', '/events/concert/seats')).status).toBe(404);
    expect((await send('DELETE', '/events/concert')).status).toBe(404);
    expect((await send('GET', '/constructor')).status).toBe(404);
  });
});
