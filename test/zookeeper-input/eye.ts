import { setImmediate as nextTurn } from 'node:timers/promises';
import ZooKeeper from 'zookeeper';

const { ZOO_CONTAINER, ZOO_EPHEMERAL } = ZooKeeper.constants;
const OWNER_ONLY = [{ perms: 31, scheme: 'auth', auth: '' }];

/** A client that looks into the store, and changes something there. */
export class Eye {
  private constructor(private readonly client: ZooKeeper) {}

  /** @param auth - `user:password`; default: nobody in particular */
  static async open(connect: string, auth?: string): Promise<Eye> {
    const client = new ZooKeeper({ connect, timeout: 30_000, debug_level: 0 });
    const eye = new Eye(client);
    const connected = new Promise((resolve) => client.once('connect', resolve));
    client.init({});
    if (auth !== undefined) client.add_auth('digest', auth, () => undefined); // comes before all that is asked later
    await eye.after(connected);
    return eye;
  }

  async children(path: string): Promise<string[]> {
    const names = await this.after(this.client.get_children(path, false));
    return names.sort();
  }

  async data(path: string): Promise<string> {
    const [, data] = (await this.after(this.client.get(path, false))) as [unknown, Buffer];
    return data.toString();
  }

  /** One that stays; with `isPassing`, one that goes with this client. */
  async create(path: string, isPassing = false): Promise<void> {
    await this.after(this.client.create(path, '', isPassing ? ZOO_EPHEMERAL : 0));
  }

  /** One that nobody else may do anything with. */
  async createOwned(path: string): Promise<void> {
    await this.after(this.client.create(path, '', ZOO_CONTAINER));
    const isRestricted = new Promise<boolean>((resolve) => {
      this.client.a_set_acl(path, -1, OWNER_ONLY, (code: number) => resolve(code === 0));
    });
    if (!(await this.after(isRestricted))) throw new Error(`The node "${path}" could not be restricted`);
  }

  async remove(path: string): Promise<void> {
    await this.after(this.client.delete_(path, -1));
  }

  close(): void {
    this.client.close();
  }

  /** The client answers in the middle of its work, where others of its kind must not be touched. */
  private async after<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } finally {
      await nextTurn();
    }
  }
}
