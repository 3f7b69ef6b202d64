// eslint-disable-next-line @typescript-eslint/no-explicit-any -- as Node's EventEmitter has it: no other type fits a client
type Listener = (...args: any[]) => void;

/** What ZooKeeper says of a node, as far as it is used. */
export interface Stat {
  /** The transaction that last created or deleted a child. */
  readonly pzxid: number;
  readonly createdInThisSession: boolean;
}

type Done<T extends readonly unknown[] = []> = (code: number, message: string, ...values: T) => void;

/**
 * The requests of the client for C. Each returns 0 and calls back once; or another code, and then it does not call back.
 * A callback must not be given to two clients: the driver keeps on it which of them it is for.
 */
export interface ClientRequests {
  a_create(path: string, data: string, flags: number, done: Done<[path: string]>): number;
  a_delete_(path: string, version: number, done: Done): number;
  a_set(path: string, data: string, version: number, done: Done<[stat: Stat]>): number;
  a_get(path: string, watch: boolean, done: Done<[stat: Stat, data: Buffer]>): number;
  a_exists(path: string, watch: boolean, done: Done<[stat: Stat]>): number;
  a_get_children2(path: string, watch: boolean, done: Done<[names: string[], stat: Stat]>): number;
  a_sync(path: string, done: Done<[path: string]>): number;
}

/** As much of the package `zookeeper` as is used. */
export interface ZooKeeperClient extends ClientRequests {
  /**
   * The same requests without the wrapper, which prepares a line for the log with each call, whether there is a log or
   * not; that takes longer than the rest of the call.
   */
  readonly native?: ClientRequests;
  /** 0 when there is no connection, and none on its way. */
  readonly state: number;
  /** What the server has granted as the session's time-out, in ms. */
  readonly timeout: number;
  /** The session's id, in hexadecimal. */
  readonly client_id: string;
  readonly client_password: string;
  init(): unknown;
  /** Ends the session, if it is connected. The client must not be used after that, nor after its event `close`. */
  close(): unknown;
  add_auth(scheme: string, auth: string, done: Done): number;
  a_set_acl(path: string, version: number, acl: readonly object[], done: Done): number;
  on(event: string, listener: Listener): unknown;
}

/** Does something after the client has come to the end of its work, and of all that was asked of us before. */
export function afterwards(run: () => void): void {
  setImmediate(run);
}

/** The state of a client that has a connection and a session. */
export const CONNECTED = 3;

/** Kinds of nodes. */
export const Flags = { ephemeralSequential: 3, ephemeral: 1, container: 4 } as const;

/** Codes that a request may end with. */
export const Code = {
  ok: 0,
  connectionLoss: -4,
  operationTimeout: -7,
  invalidState: -9,
  noNode: -101,
  noAuth: -102,
  nodeExists: -110,
  sessionExpired: -112,
  invalidAcl: -114,
  authFailed: -115,
  closing: -116,
  sessionMoved: -118,
} as const;
