import { ConflictException, Injectable, Module } from '@nestjs/common';
import { DistributedLock, LockModule } from 'nestlock';
import { redisBackend } from 'nestlock/redis';

@Injectable()
export class TicketService {
  readonly #free = new Map([['concert', 2]]);
  whilePaying: () => void = () => undefined;

  left(eventId: string): number {
    return this.#free.get(eventId) ?? 0;
  }

  @DistributedLock('event:{eventId}')
  async reserve(eventId: string, seats: number): Promise<void> {
    const left = this.left(eventId);
    if (left < seats) throw new ConflictException('sold out');
    await new Promise((resolve) => setImmediate(resolve));
    this.whilePaying();
    this.#free.set(eventId, left - seats);
  }
}

@Module({
  imports: [LockModule.forRoot({ backend: redisBackend('redis://localhost:6379') })],
  providers: [TicketService],
})
export class AppModule {}
