import { IsInt, IsNotEmpty, IsString, Max, MaxLength, Min } from 'class-validator';

export class BuyTicketsDto {
  @IsString()
  @IsNotEmpty()
  @MaxLength(64)
  readonly buyer!: string;

  @IsInt()
  @Min(1)
  @Max(10)
  readonly seats!: number;
}
