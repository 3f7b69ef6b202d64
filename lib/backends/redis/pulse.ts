import type { Clock } from '../../core/clock';
import type { OwnRedisClient } from './client';
import { isCluster } from './client';

/**
 * Finds connections of ours that have died without a word, as those do that a firewall has forgotten, and has the client
 * connect again. ioredis would go on with them until TCP gives up, for a quarter of an hour.
 */
export class Pulse {
  #isFeeling = false;

  constructor(
    private readonly client: OwnRedisClient,
    private readonly clock: Clock,
    /** How long an answer may take, in ms. */
    private readonly timeout: number,
  ) {}

  /** To be called when somebody has waited for an answer for rather long, as often as one likes. */
  feel(): void {
    if (this.#isFeeling) return;
    this.#isFeeling = true;
    const { client } = this;
    const verdicts = (isCluster(client) ? client.nodes('all') : [client]).map((node) => watch(node as OwnRedisClient));
    const judge = (): void => {
      this.#isFeeling = false;
      for (const verdict of verdicts) verdict();
    };
    // Of a process that was blocked the answer may have come, and not been read yet.
    this.clock.setTimeout(() => setImmediate(judge), this.timeout).unref?.();
  }
}

/** What it returns ends the connection if nothing has come of it until then. */
function watch(node: OwnRedisClient): () => void {
  const { status } = node;
  let isAlive = status !== 'ready' && status !== 'connect'; // else it is being connected already
  const answered = (): void => void (isAlive = true);
  if (status === 'ready') node.info().then(answered, answered);
  return () => {
    if (!isAlive && node.status === status) node.disconnect(true);
  };
}
