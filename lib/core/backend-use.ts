import type { LockBackend } from './backend';

/** A backend that is shared: by several set-ups, or by several applications in one process. */
interface Shared {
  readonly users: Set<BackendUse>;
  opening: Promise<void | string> | undefined;
  closing: Promise<void> | undefined;
  /** Nobody has had a use for it since. */
  isClosed: boolean;
}

const shared = new WeakMap<LockBackend, Shared>();

/**
 * One service's use of its backend, which is opened for the first user and closed with the last. Whoever was refused counts
 * only if it is used all the same: a service whose boot fails does not come to leave.
 */
export class BackendUse {
  readonly #shared: Shared;

  constructor(private readonly backend: LockBackend) {
    this.#shared = shared.get(backend) ?? { users: new Set(), opening: undefined, closing: undefined, isClosed: false };
    shared.set(backend, this.#shared);
    this.join();
  }

  /** The backend is about to be used. */
  join(): void {
    this.#shared.users.add(this);
    this.#shared.isClosed = false;
  }

  /** Rejects as the backend's `open` does, and may be called again then. Resolves with its warning, for the first to ask. */
  async open(): Promise<string | undefined> {
    this.join();
    const { opening } = this.#shared;
    try {
      const warning = await (opening ?? this.#open());
      return opening ? undefined : (warning ?? undefined);
    } catch (error) {
      this.#shared.users.delete(this);
      throw error;
    }
  }

  async leave(): Promise<void> {
    this.#shared.users.delete(this);
    if (this.#shared.users.size > 0 || this.#shared.isClosed) return;
    this.#shared.isClosed = true;
    this.#shared.opening = undefined;
    this.#shared.closing = this.backend.close?.();
    await this.#shared.closing;
  }

  #open(): Promise<void | string> {
    const closed = Promise.resolve(this.#shared.closing).catch(() => undefined); // whoever closed it was told
    const opening = closed.then(() => this.backend.open?.());
    opening.catch(() => {
      if (this.#shared.opening === opening) this.#shared.opening = undefined;
    });
    return (this.#shared.opening = opening);
  }
}
