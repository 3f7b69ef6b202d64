import { Refusal } from './refusal';

interface Document {
  readonly value: unknown;
  /** The greatest fencing token that it was written with; 0 if it was written without. */
  readonly fence: bigint;
}

/** Documents by collection and id. The last writer wins, unless it comes with a fencing token that is out of date. */
export class Documents {
  staleWritesRefused = 0;
  private readonly collections: Map<string, Map<string, Document>>;

  constructor(names: readonly string[]) {
    this.collections = new Map(names.map((name) => [name, new Map<string, Document>()]));
  }

  has(name: string): boolean {
    return this.collections.has(name);
  }

  list(name: string): unknown[] {
    return [...this.collection(name).values()].map(({ value }) => value);
  }

  /** @throws Refusal 404 */
  read(name: string, id: string): unknown {
    const document = this.collection(name).get(id);
    if (!document) throw new Refusal(404, `There is no "${id}" in ${name}`);
    return document.value;
  }

  /**
   * A holder of a lock that was delayed for so long that its lock has passed to another must not overwrite what that one
   * has written since: its token is smaller. Once tokens are in use, a write without one is as untrustworthy.
   *
   * @throws Refusal 412 when the token is smaller than the greatest one seen
   */
  write(name: string, id: string, value: unknown, token?: string | string[]): unknown {
    const fence = parseToken(token);
    const seen = this.collection(name).get(id)?.fence ?? 0n;
    if (fence < seen) {
      this.staleWritesRefused++;
      throw new Refusal(412, `The fencing token ${fence} is out of date: there has been a write with ${seen}`);
    }
    this.collection(name).set(id, { value, fence });
    return value;
  }

  private collection(name: string): Map<string, Document> {
    const collection = this.collections.get(name);
    if (!collection) throw new Refusal(404, `There is no ${name}`);
    return collection;
  }
}

function parseToken(token: string | string[] | undefined): bigint {
  if (token === undefined) return 0n;
  if (typeof token === 'string' && /^\d+$/.test(token)) return BigInt(token);
  throw new Refusal(400, 'Expected x-fencing-token to be a positive integer');
}
