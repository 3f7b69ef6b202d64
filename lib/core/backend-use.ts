import type { LockBackend } from './backend';

/** A backend that is shared: by several set-ups, or by several applications in one process. */
interface Shared {
  readonly users: Set<BackendUse>;
  opening: Promise<void | string> | undefined;
  closing: Promise<void> | undefined;
}

const shared = new WeakMap<LockBackend, Shared>();

/** One service's use of its backend, which is opened for the first user and closed with the last. */
export class BackendUse {
  readonly #shared: Shared;

  constructor(private readonly backend: LockBackend) {
    this.#shared = shared.get(backend) ?? { users: new Set(), opening: undefined, closing: undefined };
    shared.set(backend, this.#shared);
    this.#shared.users.add(this);
  }

  /** Rejects as the backend's `open` does, and may be called again then. Resolves with its warning, for the first to ask. */
  async open(): Promise<string | undefined> {
    const { opening, closing } = this.#shared;
    if (opening) {
      await opening;
      return undefined;
    }
    const closed = Promise.resolve(closing).catch(() => undefined); // whoever closed it was told
    const first = (this.#shared.opening = closed.then(() => this.backend.open?.()));
    try {
      return (await first) ?? undefined;
    } catch (error) {
      this.#shared.opening = undefined;
      this.#shared.users.delete(this); // its boot fails: it will not come to leave
      throw error;
    }
  }

  async leave(): Promise<void> {
    if (!this.#shared.users.delete(this) || this.#shared.users.size > 0) return;
    this.#shared.opening = undefined;
    this.#shared.closing = this.backend.close?.();
    await this.#shared.closing;
  }
}
