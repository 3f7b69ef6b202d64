import { Refusal } from './refusal';

interface Document {
  /** `undefined` until it is written for the first time. */
  value: unknown;
  /** The greatest fencing token that somebody came with to read or to write it; 0 if nobody had one. */
  fence: bigint;
}

/** Documents by collection and id. The last writer wins, unless it comes with a fencing token that is out of date. */
export class Documents {
  staleRefused = 0;
  private readonly collections: Map<string, Map<string, Document>>;

  constructor(names: readonly string[]) {
    this.collections = new Map(names.map((name) => [name, new Map<string, Document>()]));
  }

  has(name: string): boolean {
    return this.collections.has(name);
  }

  list(name: string): unknown[] {
    return [...this.collection(name).values()].flatMap(({ value }) => (value === undefined ? [] : [value]));
  }

  /**
   * A holder of a lock says its token when it reads: who has read before with a smaller one cannot write any more.
   *
   * @throws Refusal 404, 412
   */
  read(name: string, id: string, token?: string | string[]): unknown {
    const { value } = token === undefined ? { ...this.collection(name).get(id) } : this.admit(name, id, token);
    if (value === undefined) throw new Refusal(404, `There is no "${id}" in ${name}`);
    return value;
  }

  /**
   * A holder of a lock that was delayed for so long that its lock has passed to another must not overwrite what that one
   * has written since: its token is smaller. Once tokens are in use, a write without one is as untrustworthy.
   *
   * @throws Refusal 412 when the token is smaller than the greatest one seen
   */
  write(name: string, id: string, value: unknown, token?: string | string[]): unknown {
    this.admit(name, id, token).value = value;
    return value;
  }

  private admit(name: string, id: string, token?: string | string[]): Document {
    const collection = this.collection(name);
    const fence = parseToken(token);
    const document = collection.get(id) ?? { value: undefined, fence: 0n };
    if (fence < document.fence) {
      this.staleRefused++;
      throw new Refusal(412, `The fencing token ${fence} is out of date: somebody has come with ${document.fence}`);
    }
    document.fence = fence;
    collection.set(id, document);
    return document;
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
