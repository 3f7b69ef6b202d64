/** Microseconds since 1970 on the server's clock, at the moment at which it is evaluated. */
export const NOW = epochMicros('clock_timestamp()');

/** The same, of the start of the transaction: no other transaction of the same connection has it. */
export const BEGUN_AT = epochMicros('now()');

/** A time in microseconds since 1970. `extract` would calculate with decimals, which takes ten times as long. */
export function epochMicros(time: string): string {
  return `(date_part('epoch', ${time}) * 1e6)::bigint`;
}

/** Where those who wait are told that a lock is free; the message is the name of its row. */
export const CHANNEL = 'nestlock';

/** A column that was cast to text, whatever parsers the user has set for other types. */
export function textOf(value: unknown): string {
  return String(value);
}

/** Makes the statement fail, and says so in the message: a transaction that commits in the same round trip then does not. */
export function failWith(word: string): string {
  return `concat('${word} ', pg_backend_pid())::integer`; // not a constant, which would fail as soon as it is parsed
}
