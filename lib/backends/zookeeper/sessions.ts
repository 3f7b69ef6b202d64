import type { Clock } from '../../core/clock';
import type { Driver } from './driver';
import type { ZooKeeperSettings } from './options';
import { Session } from './session';

/** How long until the next try when a session could not even be made, in ms. */
const RETRY_AFTER = 1_000;

/** One session after the other. */
export class Sessions {
  #current: Session;
  #isClosed = false;
  readonly #listeners = new Set<() => void>();

  constructor(
    private readonly Driver: Driver,
    private readonly settings: ZooKeeperSettings,
    private readonly clock: Clock,
  ) {
    this.#current = this.#start();
  }

  /** The present one, or the last one. */
  get current(): Session {
    return this.#current;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** When the present one has changed, or another has taken its place. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  offChange(listener: () => void): void {
    this.#listeners.delete(listener);
  }

  /** What is still held then is not freed under those who rely on it: it ends when they know that they have lost it. */
  close(): void {
    this.#isClosed = true;
    const session = this.#current;
    if (session.holds.size === 0) return session.end();
    session.retire();
    this.clock.setTimeout(() => session.end(), Math.max(0, session.validUntil - this.clock.now()) + 1);
  }

  #start(): Session {
    const session: Session = new Session(this.Driver, this.settings, this.clock, () => this.#changed(session));
    return session;
  }

  #changed(session: Session): void {
    if (session !== this.#current) return;
    if (session.isOver && !this.#isClosed) {
      const timer = this.clock.setTimeout(() => this.#replace(), session.problem ? RETRY_AFTER : 0);
      timer.unref?.();
    }
    this.#tell();
  }

  #replace(): void {
    if (this.#isClosed) return;
    this.#current = this.#start();
    this.#tell();
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
