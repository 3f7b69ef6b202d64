import { BadGatewayException, Inject, Injectable, NotFoundException } from '@nestjs/common';
import type { Lock } from 'nestlock';
import { StaleWriteException } from './stale-write.exception';

export const INVENTORY_URL = Symbol('INVENTORY_URL');

/** Talks HTTP to the inventory, which has no transactions. */
@Injectable()
export class InventoryClient {
  constructor(@Inject(INVENTORY_URL) private readonly url: string) {}

  /**
   * Reads something. Whoever is going to change a document reads it under its lock: the token tells the inventory that from
   * now on nobody who has read it before may write it.
   *
   * @throws NotFoundException, StaleWriteException
   */
  get<T>(path: string[], lock?: Lock): Promise<T> {
    return this.request<T>('GET', path, under(lock));
  }

  /**
   * Writes a document. Under a lock its fencing token goes along, so that the inventory can refuse us if we have lost the
   * lock without knowing it yet; and if we do know, the request is aborted.
   *
   * @throws StaleWriteException
   */
  async put(path: string[], value: unknown, lock: Lock | undefined): Promise<void> {
    await this.request('PUT', path, { body: JSON.stringify(value), ...under(lock) });
  }

  async post(path: string, value: unknown): Promise<void> {
    await this.request('POST', [path], { body: JSON.stringify(value) });
  }

  private async request<T>(method: string, path: string[], init: RequestInit = {}): Promise<T> {
    const response = await fetch(`${this.url}/${path.map(encodeURIComponent).join('/')}`, { method, ...init });
    // Read in any case: only then can the connection be used again.
    const answer = (await response.json()) as T & { message?: string };
    if (response.ok) return answer;
    if (response.status === 404) throw new NotFoundException(answer.message);
    if (response.status === 412) throw new StaleWriteException();
    throw new BadGatewayException(`The inventory answered ${response.status}: ${answer.message}`);
  }
}

function under(lock: Lock | undefined): RequestInit {
  return lock ? { headers: { 'x-fencing-token': String(lock.fencingToken) }, signal: lock.signal } : {};
}
