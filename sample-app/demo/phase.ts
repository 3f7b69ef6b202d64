import { setTimeout as sleep } from 'node:timers/promises';
import type { Sale } from '../events/ticket-event';
import type { InventoryStats } from '../inventory/inventory-server';
import { openDatabase } from '../ledger/databases';
import { REPORT_INTERVAL, type ReportRun } from '../reports/sales-report';
import { keepsLedger } from '../strategies';
import type { Books, Probe } from './books';
import { Children } from './children';
import type { Flags } from './flags';
import { HttpClient } from './http-client';
import { InventoryBooks } from './inventory.books';
import { LedgerBooks } from './ledger.books';
import { type Answer, inParallel, openDoors, runBuyers } from './load';
import type { Progress } from './progress';

/** What one run of the load has shown. */
export interface PhaseResult {
  readonly seats: number;
  readonly answers: readonly Answer[];
  /** How long the selling took, in ms. */
  readonly duration: number;
  /** The same up to the last sale: those who come later are only told that they are late. */
  readonly timeToLastSale: number;
  /** The sales ledger of the shop. */
  readonly ledger: readonly Sale[];
  /** The seats that are left, as the inventory or the database says. */
  readonly seatsLeft: number;
  /** The most invoices that were printed at once. */
  readonly printsPeak: number;
  /** Only with locking. */
  readonly probe: Probe | undefined;
  /** How often the report job ran, for each tick of its clock. */
  readonly runsPerTick: readonly number[];
}

export interface Phase extends Pick<Flags, 'backend' | 'strategy' | 'processes' | 'buyers' | 'seats'> {
  readonly locking: boolean;
  readonly lockUrl: string | undefined;
  readonly progress: Progress;
  /** Ends the phase from outside. */
  readonly signal: AbortSignal;
}

const EVENT = 'concert';
/** How many invoices are asked for, all at once. */
const INVOICES = 60;
/**
 * The report job is watched for so many ticks, but no longer than this, in ms. A tick counts when it is so old that no
 * process can be late for it.
 */
const TICKS = 2;
const TICK_AGE = REPORT_INTERVAL / 2;
const TICKS_TIMEOUT = 15_000;

/** Starts everything anew, lets the buyers in, and takes stock. */
export async function runPhase(phase: Phase): Promise<PhaseResult> {
  const failure = new AbortController();
  const signal = AbortSignal.any([phase.signal, failure.signal]);
  const children = new Children((reason) => failure.abort(reason));
  const client = new HttpClient(signal);
  let books: Books | undefined;
  try {
    phase.progress.update(`${title(phase)}: starting the inventory and the app (${phase.processes} × node) …`);
    const inventory = await children.start('inventory.process.js', { args: [EVENT, String(phase.seats)] });
    books = await openBooks(phase, inventory, client);
    const urls = await startApps(phase, inventory, children);
    const sold = await sell(phase, urls, client);
    signal.throwIfAborted();
    const invoices = await printInvoices(phase, urls, client, sold.answers);
    const runs = await awaitTicks(phase, urls[0]!, client);
    const stock = await books.read();
    const { prints } = await client.get<InventoryStats>(`${inventory}/stats`);
    const probe = phase.locking ? await books.probe() : undefined;
    phase.progress.done(`${title(phase)}: ${describe(sold.answers)}, invoices printed: ${invoices}.`);
    return { seats: phase.seats, ...sold, ...stock, printsPeak: prints.peak, runsPerTick: perTick(runs), probe };
  } catch (error) {
    // What broke off a request tells more than the request that was broken off.
    signal.throwIfAborted();
    throw error;
  } finally {
    client.close();
    await children.stop();
    await books?.close();
  }
}

async function openBooks({ backend, lockUrl, strategy, seats }: Phase, inventory: string, client: HttpClient) {
  if (!keepsLedger(strategy)) return new InventoryBooks(inventory, EVENT, client);
  return LedgerBooks.open(openDatabase(backend, lockUrl), EVENT, seats, strategy);
}

function startApps({ processes, locking, backend, lockUrl, strategy }: Phase, inventory: string, children: Children) {
  const env = {
    PORT: '0',
    INVENTORY_URL: inventory,
    LOCKING: locking ? 'on' : 'off',
    LOCK_BACKEND: backend,
    LOCK_URL: lockUrl,
    LOCK_STRATEGY: strategy,
  };
  return Promise.all(Array.from({ length: processes }, () => children.start('app.process.js', { env })));
}

async function sell({ buyers, progress, ...phase }: Phase, urls: readonly string[], client: HttpClient) {
  const answers: Answer[] = [];
  let timeToLastSale = 0;
  const onAnswer = (answer: Answer) => {
    answers.push(answer);
    if (answer.outcome === 'sold') timeToLastSale = performance.now() - start;
    progress.update(`${title(phase)}: ${answers.length} of ${buyers} buyers answered; ${describe(answers)}`);
  };
  await openDoors({ urls, eventId: EVENT, client });
  const start = performance.now();
  await runBuyers({ urls, eventId: EVENT, buyers, client, onAnswer });
  return { answers, duration: performance.now() - start, timeToLastSale };
}

/** Asks for the invoices of the first sales, all at once. */
async function printInvoices(phase: Phase, urls: readonly string[], client: HttpClient, answers: readonly Answer[]) {
  const sales = answers.flatMap(({ saleId }) => saleId ?? []).slice(0, INVOICES);
  let printed = 0;
  await inParallel(sales.length, INVOICES, async (index) => {
    const { status } = await client.send('POST', `${urls[index % urls.length]}/invoices/${sales[index]}`);
    if (status !== 201) throw new Error(`An invoice could not be printed: ${status}`);
    phase.progress.update(`${title(phase)}: ${++printed} of ${sales.length} invoices printed`);
  });
  return printed;
}

/** Waits until the report job has run for some ticks. */
async function awaitTicks(phase: Phase, url: string, client: HttpClient): Promise<ReportRun[]> {
  const deadline = performance.now() + TICKS_TIMEOUT;
  for (;;) {
    const all = await client.get<ReportRun[]>(`${url}/reports`);
    const runs = all.filter(({ tick }) => Date.now() - tick > TICK_AGE);
    const ticks = perTick(runs).length;
    if (ticks >= TICKS || performance.now() > deadline) return runs;
    phase.progress.update(`${title(phase)}: waiting for the report job (${ticks} of ${TICKS} ticks)`);
    await sleep(100, undefined, { signal: phase.signal });
  }
}

function perTick(runs: readonly ReportRun[]): number[] {
  const counts = new Map<number, number>();
  for (const { tick } of runs) counts.set(tick, (counts.get(tick) ?? 0) + 1);
  return [...counts.values()];
}

const title = ({ locking }: Pick<Phase, 'locking'>) => (locking ? 'Locking on' : 'Locking off');

function describe(answers: readonly Answer[]): string {
  const sold = answers.filter(({ outcome }) => outcome === 'sold');
  const seats = sold.reduce((sum, answer) => sum + answer.seats, 0);
  return `seats sold: ${seats}, buyers refused: ${answers.length - sold.length}`;
}
