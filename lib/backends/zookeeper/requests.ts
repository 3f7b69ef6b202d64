import type { ClientRequests, Stat, ZooKeeperClient } from './client';
import { afterwards, Code, Flags } from './client';
import { hasCode, ZooKeeperError } from './failures';
import { isBelow, parentOf } from './paths';

/** The children of a node. */
export interface Listing {
  readonly names: readonly string[];
  /** The transaction that last changed them. */
  readonly zxid: number;
}

const ANY_VERSION = -1;

/** Permission for everything, for those who have authenticated as the creator has. */
const CREATOR_ALL = [{ perms: 31, scheme: 'auth', auth: '' }];

/** Starts a request, which calls back if it returns 0. */
type Start<V extends readonly unknown[]> = (done: (code: number, message: string, ...values: V) => void) => number;

/** The requests of one connection, as promises that reject with `ZooKeeperError`: with `invalidState` after its end. */
export class Requests {
  readonly #requests: ClientRequests;
  readonly #listings = new Map<string, Promise<Listing>>();
  #isOver = false;

  /** @param onSent - called after each request */
  constructor(
    private readonly client: ZooKeeperClient,
    private readonly onSent: () => void,
  ) {
    this.#requests = client.native ?? client;
  }

  end(): void {
    this.#isOver = true;
  }

  /** The path of the new node, with its number if it is a sequential one. */
  create(path: string, data: string, flags: number): Promise<string> {
    return this.#ask(
      'create',
      path,
      (done) => this.#requests.a_create(path, data, flags, done),
      (created: string) => created,
    );
  }

  remove(path: string): Promise<void> {
    return this.#ask('delete', path, (done) => this.#requests.a_delete_(path, ANY_VERSION, done), nothing);
  }

  write(path: string): Promise<void> {
    return this.#ask('set', path, (done) => this.#requests.a_set(path, '', ANY_VERSION, done), nothing);
  }

  /** Also watches it, once: the client emits `deleted` or `changed`. */
  watch(path: string): Promise<void> {
    return this.#ask('get', path, (done) => this.#requests.a_get(path, true, done), nothing);
  }

  /** Whether this session has made the node. */
  isOurs(path: string): Promise<boolean> {
    return this.#ask(
      'exists',
      path,
      (done) => this.#requests.a_exists(path, false, done),
      ({ createdInThisSession }: Stat) => createdInThisSession,
    );
  }

  /** From now on, reads have all that was agreed upon until now. */
  sync(path: string): Promise<void> {
    return this.#ask('sync', path, (done) => this.#requests.a_sync(path, done), nothing);
  }

  children(path: string, watch = false): Promise<Listing> {
    return this.#ask(
      'list',
      path,
      (done) => this.#requests.a_get_children2(path, watch, done),
      (names: string[], { pzxid }: Stat) => ({ names, zxid: pzxid }),
    );
  }

  /**
   * The children, watched, once: the client emits `child`. Who asks while an answer is on its way gets the same: a session
   * hears everything in order, so that answer is no older than what they have heard.
   */
  watchedChildren(path: string): Promise<Listing> {
    const before = this.#listings.get(path);
    if (before) return before;
    const listing = this.children(path, true).finally(() => this.#listings.delete(path));
    this.#listings.set(path, listing);
    return listing;
  }

  /**
   * Makes the node, and those above it that are missing. They vanish by themselves when they have been empty for a while.
   * With `auth`, those from the root on are for their creator only.
   */
  async makeContainers(path: string, settings: { root: string; auth: string | undefined }): Promise<void> {
    for (;;) {
      try {
        await this.create(path, '', Flags.container);
        if (settings.auth !== undefined && isBelow(settings.root, path)) await this.#restrict(path);
        return;
      } catch (error) {
        if (hasCode(error, Code.nodeExists)) return;
        const parent = parentOf(path);
        if (!hasCode(error, Code.noNode) || parent === '/') throw error;
        await this.makeContainers(parent, settings);
      }
    }
  }

  authenticate(auth: string): Promise<void> {
    return this.#ask('authenticate', 'digest', (done) => this.client.add_auth('digest', auth, done), nothing);
  }

  #restrict(path: string): Promise<void> {
    const start: Start<[]> = (done) => this.client.a_set_acl(path, ANY_VERSION, CREATOR_ALL, done);
    return this.#ask('restrict', path, start, nothing);
  }

  #ask<V extends readonly unknown[], T>(
    operation: string,
    path: string,
    start: Start<V>,
    read: (...values: V) => T,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const fail = (code: number, said?: string): void => reject(new ZooKeeperError(code, operation, path, said));
      if (this.#isOver) return fail(Code.invalidState);
      const code = start((answer, said, ...values) => {
        afterwards(() => (answer === Code.ok ? resolve(read(...values)) : fail(answer, said)));
      });
      if (code !== Code.ok) fail(code);
      this.onSent();
    });
  }
}

const nothing = (): void => undefined;
