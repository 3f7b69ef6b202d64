/** As that of @nestjs/config. */
export declare class ConfigService {
  get<T>(name: string): T | undefined;
  get<T>(name: string, byDefault: T): T;
  getOrThrow<T>(name: string): T;
}
