import { setClock, tidyClock } from './clock';
import { type Recipe, Server } from './server';

/** A server whose clock can be set if its command begins with what `movableClock` says. */
export class ServerWithClock extends Server {
  constructor(
    recipe: Recipe,
    port: number,
    private readonly clockMoves: boolean,
  ) {
    super(recipe, port);
    if (clockMoves) setClock(this.folder, 0);
  }

  override async start(): Promise<void> {
    await super.start();
    if (this.clockMoves) tidyClock(this.pid);
  }

  /** Sets its clock ahead of the real one, or back with a negative `offset`, in ms. Needs `movableClock`. */
  setClock(offset: number): void {
    if (!this.clockMoves) throw new Error('Expected a server that was started with "movableClock"');
    setClock(this.folder, offset);
  }
}
