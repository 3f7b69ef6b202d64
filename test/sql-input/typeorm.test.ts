import { LockService } from 'nestlock';
import { DataSource } from 'typeorm';
import type { DatabaseKind, Started } from './databases';
import { MARIADB, POSTGRES } from './databases';

/** What both drivers' connections can do in their own way. */
interface Answering {
  query(sql: string): Promise<unknown>;
  promise?(): { query(sql: string): Promise<unknown> };
}

describe.each([POSTGRES, MARIADB])('a DataSource of TypeORM on $name', (kind: DatabaseKind) => {
  let server: Started;
  let dataSource: DataSource;

  beforeAll(async () => {
    server = await kind.start();
    const { url } = server;
    dataSource =
      kind === POSTGRES
        ? new DataSource({ type: 'postgres', url, extra: { max: 6 } })
        : new DataSource({ type: 'mysql', url, extra: { connectionLimit: 6 } });
    await dataSource.initialize();
    await server.query('CREATE TABLE account (id int PRIMARY KEY, balance int NOT NULL, version int NOT NULL)');
  });
  beforeEach(async () => {
    await server.query('DELETE FROM account');
    await server.query('INSERT INTO account VALUES (1, 100, 1)');
  });
  afterAll(async () => {
    await dataSource?.destroy();
    await server?.stop();
  });

  const balance = async (): Promise<number> => {
    const [row] = await dataSource.query<{ balance: number }[]>('SELECT balance FROM account');
    return row!.balance;
  };

  async function withService(strategy: string, work: (service: LockService) => Promise<void>): Promise<void> {
    const service = new LockService({
      backend: kind.backend({ pool: dataSource, strategy, commandTimeout: '10s' } as never),
    });
    try {
      await service.open();
      await work(service);
    } finally {
      await service.close();
    }
    expect(dataSource.isInitialized).toBe(true);
    expect(await balance()).toEqual(expect.any(Number)); // its pool works, and has not run out
  }

  function run(client: unknown, sql: string): Promise<unknown> {
    const answering = client as Answering;
    return answering.promise ? answering.promise().query(sql) : answering.query(sql);
  }

  const withdraw = 'UPDATE account SET balance = balance - 10 WHERE id = 1';

  test.each(['transaction', 'optimistic'])('%s: what is written through the lock is committed with it', (strategy) =>
    withService(strategy, async (service) => {
      await service.run('account:1', async (lock) => {
        await run(kind.transactionOf(lock), withdraw);
        expect(await balance()).toBe(100); // nobody else sees it before
      });
      expect(await balance()).toBe(90);
    }),
  );

  test.each(['transaction', 'optimistic'])('%s: and rolled back when the work fails', (strategy) =>
    withService(strategy, async (service) => {
      const error = new Error('mine');
      const failing = service.run('account:1', async (lock) => {
        await run(kind.transactionOf(lock), withdraw);
        throw error;
      });
      await expect(failing).rejects.toBe(error);
      expect(await balance()).toBe(100);
    }),
  );

  test('it is the connection of a QueryRunner, and comes back', () =>
    withService('transaction', async (service) => {
      for (let i = 0; i < 20; i++) await service.run('account:1', (lock) => run(kind.transactionOf(lock), withdraw));
      expect(await balance()).toBe(-100);
      await Promise.all(
        Array.from({ length: 20 }, (_, i) => service.run(`k${i}`, (lock) => run(kind.transactionOf(lock), 'SELECT 1'))),
      );
    }));

  test('lease', () =>
    withService('lease', async (service) => {
      const held = await service.acquire('account:1');
      expect(await service.tryAcquire('account:1')).toBeNull();
      const waiting = service.acquire('account:1');
      await held.release();
      await (await waiting).release();
    }));

  test('updateVersioned through the transaction: of three writers two are run again', () =>
    withService('optimistic', async (service) => {
      let runs = 0;
      let reads = 0;
      let allHaveRead!: () => void;
      const read = new Promise<void>((resolve) => (allHaveRead = resolve));
      const add = (amount: number): Promise<void> =>
        service.run(`own:${amount}`, async (lock) => {
          runs++;
          const client = kind.transactionOf(lock);
          const [row] = await dataSource.query<{ balance: number; version: number }[]>('SELECT * FROM account');
          const { version } = row!;
          if (++reads === 3) allHaveRead();
          await read;
          await kind.updateVersioned(client as never, {
            table: 'account',
            id: 1,
            version,
            set: { balance: row!.balance + amount },
          });
        });
      await Promise.all([add(1), add(2), add(4)]);
      expect(await balance()).toBe(107);
      expect(runs).toBeGreaterThanOrEqual(5); // two have met the first, and perhaps one the second
    }));
});
