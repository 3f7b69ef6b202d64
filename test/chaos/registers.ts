/** What a member wants of a register, and how it is answered: a number that was read, or whether it was written. */
export interface Access {
  /** `fenced`: it refuses whoever comes with a token that is less than the greatest it has seen. */
  readonly register: 'fenced' | 'open';
  readonly key: string;
  readonly token: string;
  /** What to write; absent to read. */
  readonly value?: number;
}

interface Cell {
  value: number;
  writes: number;
  token: bigint;
}

/** Things that locks protect: each section reads a number, and writes one more. */
export class Registers {
  /** How often a stale holder was refused. */
  refused = 0;
  readonly #cells = new Map<string, Cell>();

  /** Resolves to `undefined` if it was refused. */
  access({ register, key, token, value }: Access): number | undefined {
    const name = `${register}:${key}`;
    const cell = this.#cells.get(name) ?? { value: 0, writes: 0, token: -1n };
    this.#cells.set(name, cell);
    if (register === 'fenced') {
      if (BigInt(token) < cell.token) {
        this.refused++;
        return undefined;
      }
      cell.token = BigInt(token);
    }
    if (value !== undefined) {
      cell.value = value;
      cell.writes++;
    }
    return cell.value;
  }

  /** How many writes have been overwritten by somebody who had not read them. */
  lost(register: Access['register']): number {
    const cells = [...this.#cells].filter(([name]) => name.startsWith(register));
    return cells.reduce((sum, [, { value, writes }]) => sum + writes - value, 0);
  }
}
