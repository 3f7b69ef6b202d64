/** As much of a `DataSource` of TypeORM as is used. */
export interface TypeOrmDataSource {
  createQueryRunner(): unknown;
  readonly options: { readonly type: string };
}

/** Of its `QueryRunner`: a connection of its pool. */
export interface TypeOrmQueryRunner {
  connect(): Promise<unknown>;
  release(): Promise<void>;
}

export function isDataSource(value: unknown): value is TypeOrmDataSource {
  return typeof (value as Partial<TypeOrmDataSource> | null)?.createQueryRunner === 'function';
}
