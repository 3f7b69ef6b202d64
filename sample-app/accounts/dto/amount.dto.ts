import { IsInt, Max, Min } from 'class-validator';

export class AmountDto {
  @IsInt()
  @Min(1)
  @Max(1_000_000)
  readonly amount!: number;
}
