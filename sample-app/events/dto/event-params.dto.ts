import { Matches } from 'class-validator';

export class EventParamsDto {
  @Matches(/^[\w-]{1,64}$/)
  readonly eventId!: string;
}
