import type { Connection } from '../database';
import type { MysqlConnectionOfPool } from './client';
import type { MysqlResult } from './mysql-statement';
import { send } from './mysql-statement';

/** A connection, and how it is given back. */
export interface CheckedOut {
  readonly core: MysqlConnectionOfPool;
  /** What the user gets is of the same kind as the pool. */
  readonly isForPromises: boolean;
  readonly release: (broken: boolean) => void;
}

/** A connection for a transaction. */
export class MysqlConnection implements Connection {
  readonly core: MysqlConnectionOfPool;
  failure: Error | undefined;
  readonly #isForPromises: boolean;
  #client: unknown;
  readonly #release: (broken: boolean) => void;
  /** The driver forgets statements that are under way when it destroys a connection. */
  readonly #underWay = new Set<(cause: Error) => void>();
  #onEnded: ((cause: Error) => void) | undefined;
  #isOver = false;

  constructor({ core, isForPromises, release }: CheckedOut) {
    this.core = core;
    this.#isForPromises = isForPromises;
    this.#release = release;
    core.on('error', this.#fail);
    core.on('end', this.#fail);
  }

  get client(): unknown {
    return (this.#client ??= this.#isForPromises ? this.core.promise() : this.core);
  }

  get isBusy(): boolean | undefined {
    const core = this.core as { _command?: unknown };
    return '_command' in core ? Boolean(core._command) : undefined;
  }

  readonly query = (sql: string): Promise<readonly MysqlResult[]> =>
    new Promise((resolve, reject) => {
      if (this.failure) return reject(this.failure);
      this.#underWay.add(reject);
      send(this.core, sql, (error, results) => {
        this.#underWay.delete(reject);
        if (error) reject(error);
        else resolve(results);
      });
    });

  whenEnded(callback: (cause: Error) => void): void {
    if (this.failure) callback(this.failure);
    else this.#onEnded = callback;
  }

  giveBack(): void {
    this.#leave(this.failure !== undefined);
  }

  destroy(): void {
    this.#leave(true);
    for (const reject of this.#underWay) reject(new Error('The connection was ended'));
  }

  #leave(broken: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.core.removeListener('end', this.#fail);
    if (!broken) this.core.removeListener('error', this.#fail); // otherwise errors may still come, and nobody listens
    this.#release(broken);
  }

  readonly #fail = (cause?: Error): void => {
    if (this.failure || this.#isOver) return;
    this.failure = cause ?? new Error('The server has closed the connection');
    this.#onEnded?.(this.failure);
  };
}

export function releasing(core: MysqlConnectionOfPool, giveBack: () => void): CheckedOut['release'] {
  return (broken) => {
    if (broken) {
      core.destroy();
      // It has only said goodbye, which a server that waits for a lock does not hear.
      (core as { stream?: { destroy?(): void } }).stream?.destroy?.();
    }
    giveBack();
  };
}
