import type { ZooKeeperClient } from './client';
import { afterwards, CONNECTED } from './client';
import type { Driver } from './driver';
import { Requests } from './requests';

/** What a client needs to go on with a session. */
export interface Credentials {
  readonly client_id: string;
  readonly client_password: string;
}

export interface ConnectionHandlers {
  /** The session has been made, or goes on. */
  onUp(): void;
  /** It was lost, or did not come about; with the code of the client if that has ended by itself. */
  onDown(code: number | undefined): void;
  /** Something has happened to a node that is watched. */
  onNode(path: string): void;
}

/**
 * One connection, by way of one client, which is not used for another. The client could connect again by itself, but:
 *
 * - When a request finds the connection broken, the client closes the socket and goes on polling its number; when a
 *   connection dies in silence, it forgets later on that the number is not its own any more. A socket that is opened in
 *   between, by whomever, gets that number, and is never heard of, or the process ends with a failed assertion in libuv.
 * - After some failures it sets itself no timer, and never tries again.
 *
 * So a client whose connection is lost is closed at once, and all else is done afterwards: it calls back in the middle of its
 * work, perhaps with such a socket at hand.
 */
export class Connection {
  readonly requests: Requests;
  readonly #client: ZooKeeperClient;
  #isUp = false;
  #isOver = false;

  /** @param config - for the client */
  constructor(
    Driver: Driver,
    config: object,
    private readonly handlers: ConnectionHandlers,
  ) {
    const client = (this.#client = new Driver(config));
    this.requests = new Requests(client, () => {
      if (this.#isUp && client.state !== CONNECTED) this.#lose(); // the request has found it broken
    });
    client.on('connect', () => {
      this.#isUp = true;
      afterwards(() => this.#isOver || handlers.onUp());
    });
    client.on('connecting', () => this.#lose());
    client.on('close', (_: unknown, code: number) => {
      if (this.#isOver) return;
      this.#isOver = true;
      this.requests.end();
      afterwards(() => handlers.onDown(code));
    });
    for (const event of ['deleted', 'changed', 'child'])
      client.on(event, (_: unknown, path: string) => afterwards(() => this.#isOver || handlers.onNode(path)));
    client.init();
  }

  /** There is no way to the server. The client may try again later, or not. */
  get hasFailed(): boolean {
    return this.#client.state === 0;
  }

  /** What the server has granted, in ms. */
  get timeout(): number {
    return this.#client.timeout;
  }

  get credentials(): Credentials {
    const { client_id, client_password } = this.#client;
    return { client_id, client_password };
  }

  /** Ends the session too, if there is a connection; that may take a second, in which nothing else runs. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.requests.end();
    this.#client.close();
  }

  #lose(): void {
    if (this.#isOver) return;
    this.close();
    afterwards(() => this.handlers.onDown(undefined));
  }
}
