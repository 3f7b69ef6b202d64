import { Body, Controller, Get, Post, UseGuards } from '@nestjs/common';
import { DistributedLock } from 'nestlock';
import { type Cart, CartService } from './cart.service';
import { Customer } from './customer.decorator';
import { CustomerGuard } from './customer.guard';
import { CartItemDto } from './dto/cart-item.dto';

@Controller('cart')
@UseGuards(CustomerGuard)
export class CartController {
  constructor(private readonly carts: CartService) {}

  @Get()
  get(@Customer() customer: string): Promise<Cart> {
    return this.carts.get(customer);
  }

  /** Locked by the request: a customer who clicks twice gets both items. The guard has run before the lock is taken. */
  @Post('items')
  @DistributedLock('cart:{req.user.id}')
  async add(@Customer() customer: string, @Body() item: CartItemDto): Promise<Cart> {
    return this.carts.add(customer, item);
  }
}
