import { IsInt, Matches, Max, Min } from 'class-validator';

export class CartItemDto {
  @Matches(/^[\w-]{1,64}$/)
  readonly eventId!: string;

  @IsInt()
  @Min(1)
  @Max(10)
  readonly seats!: number;
}
