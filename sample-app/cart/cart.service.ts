import { Injectable, NotFoundException } from '@nestjs/common';
import { LockService } from 'nestlock';
import { InventoryClient } from '../inventory-client/inventory.client';
import type { CartItemDto } from './dto/cart-item.dto';

export interface Cart {
  readonly items: readonly CartItemDto[];
}

@Injectable()
export class CartService {
  constructor(
    private readonly inventory: InventoryClient,
    private readonly locks: LockService,
  ) {}

  async get(customer: string): Promise<Cart> {
    try {
      return await this.inventory.get<Cart>(['carts', customer], this.locks.current());
    } catch (error) {
      if (error instanceof NotFoundException) return { items: [] };
      throw error;
    }
  }

  /** To be called under the lock of this cart: reads, thinks and writes. */
  async add(customer: string, item: CartItemDto): Promise<Cart> {
    const cart = await this.get(customer);
    const changed = { items: [...cart.items, item] };
    await this.inventory.put(['carts', customer], changed, this.locks.current());
    return changed;
  }
}
