import type { Connection, Result } from '../database';
import type { PostgresClient, PostgresPoolClient } from './client';

/** pg's answer to one statement; to several it is a list of these. */
interface PgResult {
  readonly rows: readonly Record<string, unknown>[];
  readonly rowCount: number | null;
}

/** The longest time-out that a timer takes: a wait for a lock is ended by us, not by the pool's "query_timeout". */
const NEVER = 2 ** 31 - 1;

/** A connection for a transaction. */
export class PostgresConnection implements Connection {
  failure: Error | undefined;
  #onEnded: ((cause: Error) => void) | undefined;
  #isOver = false;

  constructor(
    readonly client: PostgresClient,
    private readonly release: (broken: boolean) => void,
  ) {
    client.on('error', this.#fail);
    client.on('end', this.#fail);
  }

  get isBusy(): boolean | undefined {
    const { readyForQuery } = this.client as { readyForQuery?: unknown };
    return typeof readyForQuery === 'boolean' ? !readyForQuery : undefined;
  }

  get isInTransaction(): boolean {
    const status = (this.client as Partial<PostgresPoolClient>).getTransactionStatus?.();
    return status === 'T' || status === 'E';
  }

  readonly query = async (sql: string): Promise<readonly Result[]> => {
    const { connectionParameters } = this.client as { connectionParameters?: { query_timeout?: unknown } };
    const isLimited = Boolean(connectionParameters?.query_timeout);
    return resultsOf(await this.client.query(isLimited ? ({ text: sql, query_timeout: NEVER } as never) : sql));
  };

  whenEnded(callback: (cause: Error) => void): void {
    if (this.failure) callback(this.failure);
    else this.#onEnded = callback;
  }

  giveBack(): void {
    this.#leave(this.failure !== undefined);
  }

  destroy(): void {
    this.#leave(true);
  }

  #leave(broken: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.client.removeListener('end', this.#fail);
    try {
      this.release(broken); // the pool listens again from here on
    } finally {
      this.client.removeListener('error', this.#fail);
    }
  }

  readonly #fail = (cause?: Error): void => {
    if (this.failure) return;
    this.failure = cause ?? new Error('PostgreSQL has closed the connection');
    this.#onEnded?.(this.failure);
  };
}

function resultsOf(answer: unknown): readonly Result[] {
  const results = (Array.isArray(answer) ? answer : [answer]) as readonly PgResult[];
  return results.map(({ rows, rowCount }) => ({ rows, count: rowCount ?? rows.length }));
}
