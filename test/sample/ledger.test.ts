import { ServiceUnavailableException } from '@nestjs/common';
import { AccountRepository } from '../../sample-app/accounts/account.repository';
import { openDatabase } from '../../sample-app/ledger/databases';
import type { Database } from '../../sample-app/ledger/database';
import { Ledger } from '../../sample-app/ledger/ledger';
import { createTables, dropTables } from '../../sample-app/ledger/tables';
import { Stock } from '../../sample-app/stock/stock';
import { anyMariaDb } from '../servers/mariadb';
import { anyPostgres } from '../servers/postgres';
import { type Shop, type ShopOptions, openShop } from './shop';

const servers = { postgres: anyPostgres, mysql: anyMariaDb };

describe.each(['postgres', 'mysql'] as const)('the ticket shop with its ledger in %s', (backend) => {
  let server: { readonly url: string; stop(): Promise<void> };
  let database: Database;
  let shop: Shop;

  const open = async (strategy: string, { seats = 10, ...options }: ShopOptions = {}) => {
    await createTables(database, { concert: { name: 'Concert', seats } });
    const env = { LOCK_BACKEND: backend, LOCK_URL: server.url, LOCK_STRATEGY: strategy };
    shop = await openShop({ ...options, env });
  };
  const post = (path: string, body: object, app = 0) => shop.send('POST', path, { app, body });
  const buy = (seats: number, app = 0) => post('/events/concert/tickets', { buyer: 'ada', seats }, app);
  const seatsLeft = async () => (await shop.send('GET', '/events/concert')).body.seats as number;
  const seatsSold = async () => (await shop.send('GET', '/events/concert/sales')).body.seatsSold as number;
  const withdraw = (amount: number, app = 0) => post('/accounts/ada/withdrawals', { amount }, app);
  const balance = async () => (await shop.send('GET', '/accounts/ada')).body.balance as number;
  const sum = async () => {
    const [row] = await database.query<{ sum: string }>('SELECT SUM(amount) AS sum FROM ticket_shop_entry');
    return Number(row!.sum);
  };

  beforeAll(async () => {
    server = await servers[backend]();
    database = openDatabase(backend, server.url);
    await dropTables(database);
  }, 90_000);
  afterEach(async () => {
    await shop.close();
    await dropTables(database);
  });
  afterAll(async () => {
    await database.close();
    await server.stop();
  });

  describe.each(['transaction', 'optimistic'])('and locks by the strategy %s', (strategy) => {
    it('never sells a seat twice, whichever app of the fleet is asked', async () => {
      await open(strategy, { apps: 2 });
      const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => buy(1, i % 2)));
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(10);
      expect(answers.filter(({ body }) => body.code === 'SOLD_OUT')).toHaveLength(20);
      expect({ left: await seatsLeft(), sold: await seatsSold() }).toEqual({ left: 0, sold: 10 });
    });

    it('sells seats twice without locks', async () => {
      await open(strategy, { locking: false });
      const stock = shop.apps[0]!.get(Stock);
      const event = await stock.event('concert');
      jest.spyOn(stock, 'event').mockResolvedValue(event); // all have read before the first one writes
      const answers = await Promise.all(Array.from({ length: 15 }, () => buy(1)));
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(15);
      expect(await seatsSold()).toBe(15);
    });

    it('sells as a whole or not at all', async () => {
      await open(strategy);
      const ledger = shop.apps[0]!.get(Ledger);
      const query = ledger.query.bind(ledger);
      const failing = jest.spyOn(ledger, 'query').mockImplementation(async (sql, values) => {
        if (sql.startsWith('INSERT')) throw new ServiceUnavailableException();
        return query(sql, values);
      });
      expect((await buy(3)).status).toBe(503);
      failing.mockRestore();
      expect({ left: await seatsLeft(), sold: await seatsSold() }).toEqual({ left: 10, sold: 0 });
    });

    it('prints the invoice of a sale', async () => {
      await open(strategy);
      const { body: sale } = await buy(3);
      expect(await post(`/invoices/${sale.id}`, {})).toMatchObject({ status: 201, body: sale });
    });

    it('keeps accounts, and never overdraws one, whichever app of the fleet is asked', async () => {
      await open(strategy, { apps: 2 });
      expect(await post('/accounts/ada/deposits', { amount: 100 })).toMatchObject({
        status: 201,
        body: { balance: 100 },
      });
      const answers = await Promise.all(Array.from({ length: 15 }, (_, i) => withdraw(10, i % 2)));
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(10);
      const refusals = answers.filter(({ status }) => status === 409);
      expect(refusals.map(({ body }) => body)).toEqual(
        Array(5).fill({ statusCode: 409, code: 'OVERDRAWN', message: 'Not enough money: 0 left.' }),
      );
      expect(await balance()).toBe(0);
    });

    it('writes a withdrawal in the transaction of its lock', async () => {
      await open(strategy);
      await post('/accounts/ada/deposits', { amount: 100 });
      const accounts = shop.apps[0]!.get(AccountRepository);
      const enter = accounts.enter.bind(accounts);
      const seenByOthers: number[] = [];
      jest.spyOn(accounts, 'enter').mockImplementation(async (...entry) => {
        await enter(...entry);
        seenByOthers.push(await sum());
      });
      expect((await withdraw(30)).body).toEqual({ id: 'ada', balance: 70 });
      expect(seenByOthers).toEqual([100]);
      expect(await sum()).toBe(70);
    });

    it('refuses what is no amount and no account', async () => {
      await open(strategy);
      for (const amount of [0, 0.5, '1', undefined]) {
        expect((await post('/accounts/ada/withdrawals', { amount })).status).toBe(400);
      }
      expect((await shop.send('GET', '/accounts/%20')).status).toBe(400);
      expect((await shop.send('GET', '/accounts/bob')).body).toEqual({ id: 'bob', balance: 0 });
    });
  });

  it('runs a withdrawal again when another one was faster: optimistic', async () => {
    await open('optimistic', { apps: 2 });
    await post('/accounts/ada/deposits', { amount: 100 });
    const accounts = shop.apps[0]!.get(AccountRepository);
    const read = accounts.balance.bind(accounts);
    const seen: number[] = [];
    jest.spyOn(accounts, 'balance').mockImplementation(async (account) => {
      seen.push(await read(account));
      if (seen.length === 1) expect((await withdraw(60, 1)).status).toBe(201);
      return seen.at(-1)!;
    });
    expect(await withdraw(60)).toMatchObject({ status: 409, body: { code: 'OVERDRAWN' } });
    expect(seen).toEqual([100, 40]);
    expect(await sum()).toBe(40);
  });

  it('leaves seats to the inventory and has no accounts with leases', async () => {
    await open('lease', { seats: 7 });
    expect(await seatsLeft()).toBe(10);
    expect((await shop.send('GET', '/accounts/ada')).status).toBe(404);
  });
});
