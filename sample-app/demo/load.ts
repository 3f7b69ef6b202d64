import type { HttpClient } from './http-client';

/** What the app answered to one buyer. */
export interface Answer {
  readonly outcome: 'sold' | 'soldOut' | 'busy' | 'failed';
  /** How many seats were asked for. */
  readonly seats: number;
  /** From the question to the answer, in ms. */
  readonly waited: number;
  /** Of the sale, if there was one. */
  readonly saleId: string | undefined;
  /** What went wrong, if something did. */
  readonly problem: string | undefined;
}

export interface Load {
  /** The app processes; buyers go to them in turn. */
  readonly urls: readonly string[];
  readonly eventId: string;
  readonly buyers: number;
  readonly client: HttpClient;
  readonly onAnswer: (answer: Answer) => void;
}

/** So many buyers ask at the same time. */
const AT_ONCE = 100;

/** How many seats one buyer after the other asks for. */
const SEATS_WANTED = [1, 2, 1, 4, 1, 2, 1, 1] as const;
export const MOST_SEATS_WANTED = Math.max(...SEATS_WANTED);

const REFUSALS: Readonly<Record<string, 'soldOut' | 'busy'>> = {
  SOLD_OUT: 'soldOut',
  LOCK_TIMEOUT: 'busy',
  LOCK_CONFLICT: 'busy',
};

/** The first buyers look at the event. Connections are then open: the sale is to be measured, not the set-up of TCP. */
export async function openDoors({ urls, eventId, client }: Omit<Load, 'buyers' | 'onAnswer'>): Promise<void> {
  await inParallel(AT_ONCE, AT_ONCE, async (index) => {
    await client.get(`${urls[index % urls.length]}/events/${eventId}`);
  });
}

/** Lets all buyers ask for seats. */
export async function runBuyers({ buyers, onAnswer, ...load }: Load): Promise<void> {
  await inParallel(buyers, AT_ONCE, async (index) => onAnswer(await buy(load, index)));
}

async function buy({ urls, eventId, client }: Omit<Load, 'buyers' | 'onAnswer'>, index: number) {
  const seats = SEATS_WANTED[index % SEATS_WANTED.length]!;
  const url = `${urls[index % urls.length]}/events/${eventId}/tickets`;
  const start = performance.now();
  const { status, body } = await ask(client, url, { buyer: `buyer-${index + 1}`, seats });
  const waited = performance.now() - start;
  const outcome = status === 201 ? 'sold' : (REFUSALS[body.code ?? ''] ?? 'failed');
  const problem = outcome === 'failed' ? `${status}: ${body.message}` : undefined;
  return { outcome, seats, waited, saleId: body.id, problem } satisfies Answer;
}

/** A connection that breaks is one buyer's trouble, not the end of the demo. */
async function ask(client: HttpClient, url: string, order: object) {
  try {
    return await client.send<{ id?: string; code?: string; message?: string }>('POST', url, order);
  } catch (error) {
    return { status: 'no answer', body: { message: (error as Error).message, id: undefined, code: undefined } };
  }
}

/** Runs `count` tasks, `limit` at the same time. */
export async function inParallel(count: number, limit: number, task: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await task(next++);
  };
  await Promise.all(Array.from({ length: Math.min(limit, count) }, worker));
}
