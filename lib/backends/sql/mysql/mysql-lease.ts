import type { Database } from '../database';
import type { LeaseStatements, Look, Renewal, RowClaim } from '../dialect';
import { literal, plain } from '../names';
import { NOW } from './mysql-sql';
import { LABEL_LENGTH } from './mysql-tables';

/** A number that stands for "no limit" where SQL wants one. */
const NO_LIMIT = 2 ** 31 - 1;

/**
 * Leases as rows of a table; each step is one statement, under the lock of its row. Those who share it are an object of JSON:
 * `{ holder: [expires, permits, holder] }`.
 *
 * No assignment of an UPDATE reads a column that one before it has set: MySQL would see the new value, MariaDB perhaps the old.
 */
export class MysqlLease implements LeaseStatements {
  /** @param table - quoted */
  constructor(private readonly table: string) {}

  async take(database: Database, claim: RowClaim): Promise<bigint | undefined> {
    const [result] = await database.query(
      claim.mode === 'exclusive' ? this.#takeAlone(claim) : this.#takeShared(claim),
    );
    return result!.count > 0 ? result!.insertId! - BigInt(claim.fences - 1) : undefined;
  }

  async look(database: Database, { row }: RowClaim): Promise<Look | undefined> {
    const [result] = await database.query(
      `SELECT expires_at - ${NOW} AS held_for FROM ${this.table} WHERE \`key\` = ${literal(row)}`,
    );
    const [found] = result!.rows;
    return found && { heldFor: Math.max(0, Number(found['held_for']) / 1_000) };
  }

  async free(database: Database, { row, holder, mode }: RowClaim): Promise<boolean> {
    const me = literal(holder);
    const [change, isMine] =
      mode === 'exclusive'
        ? ['holder = NULL, label = NULL, expires_at = 0', `holder = ${me}`]
        : [
            `expires_at = ${latest(`x.h <> ${me}`)}, shared = JSON_REMOVE(shared, ${pathOf(me)})`,
            `JSON_CONTAINS_PATH(shared, 'one', ${pathOf(me)})`,
          ];
    const [result] = await database.query(
      `UPDATE ${this.table} SET ${change}, used_at = ${NOW} WHERE \`key\` = ${literal(row)} AND ${isMine}`,
    );
    return result!.count > 0;
  }

  async renew(database: Database, claims: readonly RowClaim[]): Promise<Renewal> {
    // Read one after the other by the primary key: a scan would lock every row of the table.
    const joined = (alias: string): string =>
      `STRAIGHT_JOIN ${this.table} ${alias} FORCE INDEX (PRIMARY) ON ${alias}.\`key\` = v.name`;
    const values = `(${claims.map(valuesOf).join(' UNION ALL ')}) v`;
    // The limit keeps it apart from what is around it, which would wait.
    const unlocked = `(SELECT v.* FROM ${values} ${joined('f')} LIMIT ${claims.length} FOR UPDATE SKIP LOCKED) v`;
    const isMine = `l.holder = v.h OR JSON_CONTAINS_PATH(l.shared, 'one', ${pathOf('v.h')})`;
    const [result] = await database.query(
      `UPDATE ${unlocked} ${joined('l')} SET l.expires_at = CASE WHEN l.holder = v.h THEN ${NOW} + v.ttl ` +
        `ELSE GREATEST(l.expires_at, ${NOW} + v.ttl) END, ` +
        `l.shared = CASE WHEN l.holder = v.h THEN l.shared ` +
        `ELSE JSON_SET(l.shared, ${pathOf('v.h', '[0]')}, ${NOW} + v.ttl) END, ` +
        `l.used_at = ${NOW} WHERE ${isMine}`,
    );
    if (result!.count === claims.length) return { renewed: holdersOf(claims), unknown: holdersOf([]) };
    if (claims.length > 1) {
      const middle = Math.ceil(claims.length / 2);
      const halves = [claims.slice(0, middle), claims.slice(middle)];
      const [one, other] = await Promise.all(halves.map((half) => this.renew(database, half)));
      return {
        renewed: new Set([...one!.renewed, ...other!.renewed]),
        unknown: new Set([...one!.unknown, ...other!.unknown]),
      };
    }
    // Holders never come back: who is still there has been locked by somebody.
    const [left] = await database.query(`SELECT 1 FROM ${values} ${joined('l')} WHERE ${isMine}`);
    return { renewed: holdersOf([]), unknown: holdersOf(left!.rows.length > 0 ? claims : []) };
  }

  #takeAlone({ row, holder, ttl, fences, label }: RowClaim): string {
    return (
      `UPDATE ${this.table} SET holder = ${literal(holder)}, shared = NULL, expires_at = ${NOW} + ${micros(ttl)}, ` +
      `${nextFence(fences)}, label = ${labelOf(label)} ` +
      `WHERE \`key\` = ${literal(row)} AND (expires_at <= ${NOW} OR holder = ${literal(holder)})`
    );
  }

  #takeShared({ row, holder, ttl, permits, fences, label }: RowClaim): string {
    const me = literal(holder);
    const others = `${SHARERS} WHERE x.h <> ${me} AND x.e > ${NOW}`;
    const limit = permits === Infinity ? NO_LIMIT : permits;
    return (
      `UPDATE ${this.table} SET expires_at = GREATEST(${NOW} + ${micros(ttl)}, ${latest(`x.h <> ${me}`)}), ` +
      `shared = JSON_SET((SELECT COALESCE(JSON_OBJECTAGG(x.h, JSON_ARRAY(x.e, x.p, x.h)), JSON_OBJECT()) FROM ${others}), ` +
      `${pathOf(me)}, JSON_ARRAY(${NOW} + ${micros(ttl)}, ${limit}, ${me})), ` +
      `${nextFence(fences)}, label = ${labelOf(label)}, used_at = ${NOW}, holder = NULL ` +
      `WHERE \`key\` = ${literal(row)} AND (holder IS NULL OR expires_at <= ${NOW}) AND ` +
      `(SELECT COUNT(*) < LEAST(${limit}, COALESCE(MIN(x.p), ${limit})) FROM ${others})`
    );
  }
}

const SHARERS =
  "JSON_TABLE(shared, '$.*' COLUMNS (e BIGINT PATH '$[0]', p BIGINT PATH '$[1]', h VARCHAR(36) PATH '$[2]')) x";

/** When the last of the shared holders that meet the condition will be gone; 0 if there is none. */
function latest(condition: string): string {
  return `(SELECT COALESCE(MAX(x.e), 0) FROM ${SHARERS} WHERE ${condition})`;
}

/** The last of the tokens, which the server then tells. */
function nextFence(fences: number): string {
  return `fence = LAST_INSERT_ID(GREATEST(fence + 1, ${NOW}) + ${fences - 1})`;
}

/** Where a holder is in `shared`. */
function pathOf(holder: string, part = ''): string {
  return `CONCAT('$."', ${holder}, '"${part}')`;
}

/** The collation of the table, or its index would not be used. */
function valuesOf({ row, holder, ttl }: RowClaim): string {
  const ascii = (text: string): string => `CONVERT(${literal(text)} USING ascii) COLLATE ascii_bin`;
  return `SELECT ${ascii(row)} AS name, ${ascii(holder)} AS h, ${micros(ttl)} AS ttl`;
}

function holdersOf(claims: readonly RowClaim[]): ReadonlySet<string> {
  return new Set(claims.map(({ holder }) => holder));
}

function micros(ms: number): number {
  return Math.ceil(ms * 1_000);
}

function labelOf(label: string | undefined): string {
  return label === undefined ? 'NULL' : literal(plain(label).slice(0, LABEL_LENGTH));
}
