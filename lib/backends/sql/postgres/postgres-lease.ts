import type { Database, Result } from '../database';
import type { LeaseStatements, Look, Renewal, RowClaim } from '../dialect';
import { literal, plain } from '../names';
import { CHANNEL, NOW, textOf } from './postgres-sql';

/** A number that stands for "no limit" where SQL wants one. */
const NO_LIMIT = 2 ** 31 - 1;

/** Leases as rows of a table; each step is one statement, under the lock of its row. */
export class PostgresLease implements LeaseStatements {
  /** @param table - quoted */
  constructor(private readonly table: string) {}

  async take(database: Database, claim: RowClaim): Promise<bigint | undefined> {
    const [result] = await database.query(
      claim.mode === 'exclusive' ? this.#takeAlone(claim) : this.#takeShared(claim),
    );
    const [row] = result!.rows;
    return row && BigInt(textOf(row['fence'])) - BigInt(claim.fences - 1);
  }

  async look(database: Database, { row }: RowClaim, waits: boolean): Promise<Look | undefined> {
    const columns = `(expires_at - ${NOW})::text AS held_for`;
    const [result] = await database.query(
      waits
        ? `UPDATE ${this.table} SET awaited = expires_at > ${NOW} WHERE key = ${literal(row)} RETURNING ${columns}`
        : `SELECT ${columns} FROM ${this.table} WHERE key = ${literal(row)}`,
    );
    const [found] = result!.rows;
    return found && { heldFor: Math.max(0, Number(found['held_for']) / 1_000) };
  }

  async free(database: Database, { row, holder, mode }: RowClaim): Promise<boolean> {
    const change =
      mode === 'exclusive'
        ? `holder = NULL, label = NULL, expires_at = 0`
        : `shared = shared - ${literal(holder)}, expires_at = ${latest(`key <> ${literal(holder)}`)}`;
    const [result] = await database.query(
      `UPDATE ${this.table} SET ${change}, used_at = ${NOW} ` +
        `WHERE key = ${literal(row)} AND ${isHeldBy(literal(holder), mode)} ` +
        `RETURNING CASE WHEN awaited THEN pg_notify('${CHANNEL}', ${literal(row)})::text END AS told`,
    );
    return result!.rows.length > 0;
  }

  async renew(database: Database, claims: readonly RowClaim[]): Promise<Renewal> {
    const list = claims.map(({ row, holder, ttl }) => `(${literal(row)}, ${literal(holder)}, ${micros(ttl)}::bigint)`);
    const values = `(VALUES ${list.join(', ')}) AS v (key, holder, ttl)`;
    const isMine = `l.key = v.key AND (l.holder = v.holder OR jsonb_exists(l.shared, v.holder))`;
    const keys = claims.map(({ row }) => literal(row)).join(', ');
    const [result] = await database.query(
      `WITH unlocked AS (SELECT key FROM ${this.table} WHERE key IN (${keys}) FOR NO KEY UPDATE SKIP LOCKED) ` +
        `UPDATE ${this.table} AS l SET ` +
        `expires_at = CASE WHEN l.holder = v.holder THEN ${NOW} + v.ttl ELSE greatest(l.expires_at, ${NOW} + v.ttl) END, ` +
        `shared = CASE WHEN l.holder = v.holder THEN l.shared ` +
        `ELSE jsonb_set(l.shared, ARRAY[v.holder, '0'], to_jsonb(${NOW} + v.ttl)) END, used_at = ${NOW} ` +
        `FROM ${values} WHERE ${isMine} AND l.key IN (SELECT key FROM unlocked) RETURNING v.holder AS holder`,
    );
    const renewed = holdersOf(result!);
    if (renewed.size === claims.length) return { renewed, unknown: new Set() };
    const [left] = await database.query(
      `SELECT v.holder AS holder FROM ${this.table} AS l JOIN ${values} ON ${isMine}`,
    );
    return { renewed, unknown: holdersOf(left!) };
  }

  #takeAlone({ row, holder, ttl, fences, label }: RowClaim): string {
    return (
      `UPDATE ${this.table} SET holder = ${literal(holder)}, shared = NULL, expires_at = ${NOW} + ${micros(ttl)}, ` +
      `fence = greatest(fence + 1, ${NOW}) + ${fences - 1}, awaited = false, label = ${labelOf(label)} ` +
      `WHERE key = ${literal(row)} AND (expires_at <= ${NOW} OR holder = ${literal(holder)}) RETURNING fence::text AS fence`
    );
  }

  #takeShared({ row, holder, ttl, permits, fences, label }: RowClaim): string {
    const me = literal(holder);
    const others = `jsonb_each(coalesce(shared, '{}')) AS e (key, value) WHERE e.key <> ${me} AND (e.value->>0)::bigint > ${NOW}`;
    const limit = permits === Infinity ? NO_LIMIT : permits;
    return (
      `UPDATE ${this.table} SET holder = NULL, label = ${labelOf(label)}, ` +
      `shared = (SELECT coalesce(jsonb_object_agg(e.key, e.value), '{}') FROM ${others}) ` +
      `|| jsonb_build_object(${me}, jsonb_build_array(${NOW} + ${micros(ttl)}, ${limit})), ` +
      `expires_at = greatest(${NOW} + ${micros(ttl)}, ${latest(`key <> ${me}`)}), ` +
      `fence = greatest(fence + 1, ${NOW}) + ${fences - 1}, used_at = ${NOW} ` +
      `WHERE key = ${literal(row)} AND (holder IS NULL OR expires_at <= ${NOW}) AND ` +
      `(SELECT count(*) < least(${limit}, min((e.value->>1)::bigint)) FROM ${others}) RETURNING fence::text AS fence`
    );
  }
}

/** When the last of the shared holders that meet the condition will be gone; 0 if there is none. */
function latest(condition: string): string {
  return `(SELECT coalesce(max((value->>0)::bigint), 0) FROM jsonb_each(coalesce(shared, '{}')) WHERE ${condition})`;
}

function holdersOf({ rows }: Result): ReadonlySet<string> {
  return new Set(rows.map(({ holder }) => textOf(holder)));
}

function isHeldBy(holder: string, mode: RowClaim['mode']): string {
  return mode === 'exclusive' ? `holder = ${holder}` : `jsonb_exists(shared, ${holder})`;
}

function micros(ms: number): number {
  return Math.ceil(ms * 1_000);
}

function labelOf(label: string | undefined): string {
  return label === undefined ? 'NULL' : literal(plain(label));
}
