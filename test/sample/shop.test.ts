import { LockService } from 'nestlock';
import { InventoryClient } from '../../sample-app/inventory-client/inventory.client';
import { SalesReport } from '../../sample-app/reports/sales-report';
import { SalesReportJob } from '../../sample-app/reports/sales-report.job';
import { UnlockedSalesReportJob } from '../../sample-app/unlocked/unlocked-sales-report.job';
import { type Shop, type ShopOptions, openShop } from './shop';

describe('the ticket shop', () => {
  let shop: Shop;
  const open = async (options?: ShopOptions) => (shop = await openShop(options));
  const buy = (buyer: string, seats: number, app = 0) =>
    shop.send('POST', '/events/concert/tickets', { app, body: { buyer, seats } });

  afterEach(() => shop.close());

  describe('selling', () => {
    it('sells seats and writes the sale into the ledger', async () => {
      await open({ seats: 10 });
      const { status, body } = await buy('ada', 3);
      expect(status).toBe(201);
      expect(body).toEqual({ id: expect.any(String), eventId: 'concert', buyer: 'ada', seats: 3 });
      expect((await shop.send('GET', '/events/concert')).body).toEqual({ id: 'concert', name: 'Concert', seats: 7 });
      expect((await shop.send('GET', '/events')).body).toHaveLength(1);
      expect((await shop.send('GET', '/events/concert/sales')).body).toEqual({ seatsSold: 3, sales: [body] });
    });

    it('refuses when there are not enough seats left', async () => {
      await open({ seats: 3 });
      await buy('ada', 2);
      expect(await buy('bob', 2)).toMatchObject({
        status: 409,
        body: { code: 'SOLD_OUT', message: 'Not enough seats: 1 left.' },
      });
      expect((await buy('cyd', 1)).status).toBe(201);
      expect((await buy('dan', 1)).body.message).toBe('Sold out.');
    });

    it('never sells a seat twice, whichever app of the fleet is asked', async () => {
      await open({ seats: 10, apps: 2 });
      const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => buy(`buyer-${i}`, 1, i % 2)));
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(10);
      expect(answers.filter(({ status }) => status === 409)).toHaveLength(20);
      expect((await shop.send('GET', '/events/concert/sales')).body.seatsSold).toBe(10);
    });

    it('sells seats twice without locks', async () => {
      // So slow that all have read before the first one writes, however busy the machine is.
      await open({ seats: 10, locking: false, accessTime: 500 });
      const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => buy(`buyer-${i}`, 1)));
      expect(answers.filter(({ status }) => status === 201).length).toBeGreaterThan(10);
    });

    it.each([
      ['no buyer', { seats: 1 }],
      ['no seats', { buyer: 'ada' }],
      ['a part of a seat', { buyer: 'ada', seats: 0.5 }],
      ['too many seats', { buyer: 'ada', seats: 11 }],
      ['a text for a number', { buyer: 'ada', seats: '1' }],
    ])('refuses an order with %s', async (_, body) => {
      await open();
      expect((await shop.send('POST', '/events/concert/tickets', { body })).status).toBe(400);
    });

    it('does not know other events', async () => {
      await open();
      const order = { body: { buyer: 'ada', seats: 1 } };
      expect((await shop.send('POST', '/events/opera/tickets', order)).status).toBe(404);
      expect((await shop.send('POST', '/events/%20/tickets', order)).status).toBe(400);
    });

    it('answers 423 while another one holds the event for too long', async () => {
      await open();
      const locks = shop.apps[0]!.get(LockService);
      const run = locks.run.bind(locks);
      jest.spyOn(locks, 'run').mockImplementation((key, fn, options) => run(key, fn, { ...options, waitTimeout: 50 }));
      const lock = await locks.acquire('event:concert');
      const { status, headers, body } = await buy('ada', 1);
      expect({ status, code: body.code, retryAfter: headers.get('retry-after') }).toEqual({
        status: 423,
        code: 'LOCK_TIMEOUT',
        retryAfter: '1',
      });
      await lock.release();
    });

    it('tells the buyer when the inventory has refused a write that came too late', async () => {
      await open({ seats: 10 });
      const future = { 'x-fencing-token': String(10n ** 18n) };
      await fetch(`${shop.inventory.url}/events/concert`, { method: 'PUT', headers: future, body: '{"seats":10}' });
      expect(await buy('ada', 1)).toMatchObject({ status: 409, body: { code: 'STALE_WRITE' } });
      expect((await shop.send('GET', '/events/concert/sales')).body.seatsSold).toBe(0);
    });

    it('writes with the fencing token of its lock', async () => {
      await open();
      const put = jest.spyOn(shop.apps[0]!.get(InventoryClient), 'put');
      await buy('ada', 1);
      await buy('bob', 1);
      const tokens = put.mock.calls.map(([, , lock]) => lock!.fencingToken);
      expect(tokens).toHaveLength(2);
      expect(tokens[1]! > tokens[0]!).toBe(true);
    });
  });

  describe('the cart, locked by the request', () => {
    const add = (customer: string, seats: number) =>
      shop.send('POST', '/cart/items', { headers: { 'x-customer': customer }, body: { eventId: 'concert', seats } });

    it('loses no item of a customer who clicks fast', async () => {
      await open();
      await Promise.all([1, 2, 3, 4, 5].flatMap((seats) => [add('ada', seats), add('bob', seats)]));
      for (const customer of ['ada', 'bob']) {
        const { body } = await shop.send('GET', '/cart', { headers: { 'x-customer': customer } });
        expect(body.items.map(({ seats }: { seats: number }) => seats).sort()).toEqual([1, 2, 3, 4, 5]);
      }
    });

    it('locks each customer for themselves', async () => {
      await open();
      const run = jest.spyOn(shop.apps[0]!.get(LockService), 'run');
      await add('ada', 1);
      await add('bob', 1);
      expect(run.mock.calls.map(([key]) => key)).toEqual(['cart:ada', 'cart:bob']);
    });

    it('asks who it is before any lock is taken', async () => {
      await open();
      const run = jest.spyOn(shop.apps[0]!.get(LockService), 'run');
      expect((await shop.send('POST', '/cart/items', { body: { eventId: 'concert', seats: 1 } })).status).toBe(401);
      expect((await shop.send('POST', '/cart/items', { headers: { 'x-customer': 'ada' }, body: {} })).status).toBe(400);
      expect(run).not.toHaveBeenCalled();
    });
  });

  describe('invoices, limited by a semaphore', () => {
    const printTen = async (apps: number) => {
      const { body: sale } = await buy('ada', 1);
      const print = (_: unknown, i: number) => shop.send('POST', `/invoices/${sale.id}`, { app: i % apps });
      return Promise.all(Array.from({ length: 10 }, print));
    };

    it('never prints more at once than is allowed, in the whole fleet', async () => {
      await open({ apps: 2, printTime: 200 });
      expect((await printTen(2)).map(({ status }) => status)).toEqual(Array(10).fill(201));
      expect((await shop.send('GET', '/invoices')).body).toEqual({ limit: 3, now: 0, peak: 3 });
    });

    it('prints more at once without locks', async () => {
      await open({ locking: false, printTime: 1_000 });
      await printTen(1);
      expect((await shop.send('GET', '/invoices')).body.peak).toBeGreaterThan(3);
    });

    it('prints nothing for a sale that was none', async () => {
      await open();
      expect((await shop.send('POST', '/invoices/3b241101-e2bb-4255-8caf-4136c566a962')).status).toBe(404);
      expect((await shop.send('POST', '/invoices/1')).status).toBe(400);
    });
  });

  describe('the report job', () => {
    const runs = async () => (await shop.send('GET', '/reports')).body as unknown[];

    it('runs in one app of the fleet only', async () => {
      await open({ apps: 2 });
      await Promise.all(shop.apps.map((app) => app.get(SalesReportJob).run()));
      expect(await runs()).toEqual([{ tick: expect.any(Number), pid: process.pid, seatsSold: 0 }]);
    });

    it('is skipped by an app whose clock is late', async () => {
      await open({ apps: 2 });
      const writes = shop.apps.map((app) => jest.spyOn(app.get(SalesReport), 'write').mockResolvedValue());
      for (const app of shop.apps) await app.get(SalesReportJob).run();
      expect(writes.map((write) => write.mock.calls.length)).toEqual([1, 0]);
    });

    it('runs in every app without locks', async () => {
      await open({ apps: 2, locking: false });
      await Promise.all(shop.apps.map((app) => app.get(UnlockedSalesReportJob).run()));
      expect(await runs()).toHaveLength(2);
    });
  });
});
