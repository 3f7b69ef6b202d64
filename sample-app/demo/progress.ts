/** How often a plain line is printed where lines cannot be overwritten, in ms. */
const INTERVAL = 1_000;

/** What is going on: one line that changes on a terminal, a line now and then elsewhere. */
export class Progress {
  private shownAt = -Infinity;
  private last = '';

  constructor(private readonly output: NodeJS.WriteStream = process.stdout) {}

  /** A moment of something that goes on. */
  update(text: string): void {
    this.last = text;
    // A line that wraps could not be overwritten.
    if (this.output.isTTY) this.output.write(`\r\u001b[K${text.slice(0, this.output.columns - 1)}`);
    else if (performance.now() - this.shownAt >= INTERVAL) this.line(text);
  }

  /** That something is done: its last moment, or `text`, stays. */
  done(text = this.last): void {
    if (this.output.isTTY) this.output.write(`\r\u001b[K${text}\n`);
    else this.line(text);
    this.shownAt = -Infinity;
  }

  private line(text: string): void {
    this.shownAt = performance.now();
    this.output.write(`${text}\n`);
  }
}
