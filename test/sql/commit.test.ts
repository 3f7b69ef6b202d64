import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from '../servers/proxy';
import { until } from '../servers/until';
import { DATABASES } from './databases';
import { TRANSACTIONAL, TTL, useDatabase } from './support';

const SERVERS = [
  ...DATABASES.map((database) => ({ name: database.name, database, conf: [] as string[] })),
  // It does not take blocks of statements, no more than MySQL does, and so gets them one by one.
  { name: 'MariaDB in the mode of Oracle', database: DATABASES[1]!, conf: ['sql-mode=ORACLE'] },
];

describe.each(SERVERS)('$name', ({ database, conf }) => {
  const on = useDatabase(database, { conf });
  const isPostgres = database.name === 'PostgreSQL';
  const duplicate = "INSERT INTO counters VALUES ('once', 1)";

  describe.each(TRANSACTIONAL)('%s: the commit is part of the body', (strategy) => {
    const notCommitted = { name: expect.stringMatching(/^Lock(Transaction|Lost)Error$/) };
    const unknown = { name: 'LockTransactionError', outcome: 'unknown' };

    it('a commit that succeeds is there, with the result', async () => {
      const locks = await on().service({ strategy });
      await expect(locks.run('k', async (lock) => (await on().write(lock, 'kept'), 'result'))).resolves.toBe('result');
      expect(await on().written()).toEqual(['kept']);
    });

    it('a body that fails leaves nothing, and its error is what run rejects with', async () => {
      const locks = await on().service({ strategy });
      const run = locks.run('k', async (lock) => {
        await on().write(lock, 'lost');
        throw new RangeError('of the body');
      });
      await expect(run).rejects.toThrow(new RangeError('of the body'));
      expect(await on().written()).toEqual([]);
    });

    it.each(['drop', 'hold'] as const)(
      'an outcome that is not known is said to be so: the reply is lost (%s)',
      async (how) => {
        const proxy = await on().proxy();
        const locks = await on().service({ url: proxy.url, strategy, commandTimeout: '3s' }, { ttl: 3 * TTL });
        const run = locks.run('k', async (lock) => {
          await on().write(lock, 'kept');
          const before = new Map<Connection, number>();
          proxy.cut((each) => !before.set(each, each.sent.length)); // cuts none
          proxy[how]('replies', (each) => each.sent.slice(before.get(each)).includes('COMMIT'));
        });
        await expect(run).rejects.toMatchObject(unknown);
        await proxy.restore();
        await on().nobodyIn();
        expect(await on().written()).toEqual(['kept']);
        await until('a lock', () => locks.run('k', () => true));
      },
    );

    it('the same if the request is lost, or the connection is cut', async () => {
      for (const end of ['drop', 'cut'] as const) {
        const proxy = await on().proxy();
        const locks = await on().service({ url: proxy.url, strategy, commandTimeout: '3s' }, { ttl: 3 * TTL });
        const run = locks.run('k', async (lock) => {
          await on().write(lock, 'lost');
          if (end === 'drop') proxy.drop('requests');
          else proxy.cut();
        });
        await expect(run).rejects.toMatchObject(notCommitted);
        await proxy.restore();
        await on().nobodyIn();
        expect(await on().written()).toEqual([]);
        await until('a lock', () => locks.run('k', () => true));
      }
    });

    it.each(['COMMIT', 'ROLLBACK'])('a body that says %s is told that this was not its to end', async (statement) => {
      const locks = await on().service({ strategy });
      for (const more of [[], [database.begin]]) {
        const run = locks.run('k', async (lock) => {
          await on().write(lock, 'before');
          for (const sql of [statement, ...more]) await database.through(lock, sql);
          await sleep(5); // transactions of PostgreSQL are told apart by the moment of their beginning
          await on().write(lock, 'after');
        });
        await expect(run).rejects.toMatchObject(unknown);
        await locks.run('k', () => undefined);
      }
      const before = statement === 'COMMIT' ? ['before', 'before'] : [];
      // In PostgreSQL each statement after that commits by itself, if no other transaction was begun.
      expect(await on().written()).toEqual(isPostgres ? ['after', ...before] : before);
    });

    if (isPostgres) {
      it('a constraint that is checked at the end: run rejects with the error of the database', async () => {
        await on().query(
          'CREATE TABLE IF NOT EXISTS strict (number int UNIQUE DEFERRABLE INITIALLY DEFERRED)',
          'DELETE FROM strict',
        );
        const locks = await on().service({ strategy });
        const run = locks.run('k', async (lock) => {
          await on().write(lock, 'lost');
          await database.through(lock, 'INSERT INTO strict VALUES (1), (1)');
          return 'done';
        });
        await expect(run).rejects.toMatchObject({ code: '23505' });
        expect(await on().written()).toEqual([]);
        await locks.run('k', () => undefined);
      });

      it('an error that the body swallows has rolled back everything, and that is said', async () => {
        await on().query(duplicate);
        const locks = await on().service({ strategy });
        const run = locks.run('k', async (lock) => {
          await on().write(lock, 'lost');
          await database.through(lock, duplicate).catch(() => undefined);
        });
        await expect(run).rejects.toMatchObject({ name: 'LockTransactionError', outcome: 'rolledBack' });
        const rescued = locks.run('k', async (lock) => {
          await database.through(lock, 'SAVEPOINT before');
          await database.through(lock, duplicate).catch(() => undefined);
          await database.through(lock, 'ROLLBACK TO SAVEPOINT before');
          await on().write(lock, 'kept');
        });
        await rescued;
        expect(await on().written()).toEqual(['kept']);
      });
    } else {
      it('an error that the body swallows has undone its own statement only', async () => {
        await on().query(duplicate);
        const locks = await on().service({ strategy });
        await locks.run('k', async (lock) => {
          await on().write(lock, 'kept');
          await expect(database.through(lock, duplicate)).rejects.toMatchObject({ errno: 1062 });
        });
        expect(await on().written()).toEqual(['kept']);
      });

      it('a DDL in the body ends the transaction, and that is said', async () => {
        const locks = await on().service({ strategy });
        const run = locks.run('k', async (lock) => {
          await on().write(lock, 'before');
          await database.through(lock, 'CREATE OR REPLACE TABLE made_inside (number int)');
          await on().write(lock, 'after');
        });
        await expect(run).rejects.toMatchObject(unknown);
        expect(await on().written()).toEqual(['before']);
        await locks.run('k', () => undefined);
      });

      it('a deadlock that the body swallows has rolled back everything, and what came after it is not there', async () => {
        await on().query("INSERT INTO counters VALUES ('a', 0), ('b', 0)");
        const locks = await on().service({ strategy });
        const rival = on().pool(1);
        const other = await rival.connect();
        let deadlock: unknown;
        const run = locks.run('k', async (lock) => {
          if (deadlock) return;
          await database.through(lock, "UPDATE counters SET number = 1 WHERE name = 'a'");
          await other.query(database.begin);
          // The heavier of the two survives.
          for (let i = 0; i < 20; i++) await other.query(`INSERT INTO counters VALUES ('weight ${i}', 0)`);
          await other.query("UPDATE counters SET number = 2 WHERE name = 'b'");
          const blocked = other.query("UPDATE counters SET number = 2 WHERE name = 'a'");
          await sleep(300);
          await database
            .through(lock, "UPDATE counters SET number = 1 WHERE name = 'b'")
            .catch((error: unknown) => (deadlock = error));
          await blocked;
          await on().write(lock, 'after');
        });
        await expect(run).rejects.toMatchObject(unknown);
        expect(deadlock).toMatchObject({ errno: 1213 });
        await other.query('ROLLBACK');
        other.release();
        expect(await on().written()).toEqual([]);
      });
    }
  });
});
