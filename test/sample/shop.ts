import type { DynamicModule, INestApplication } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { Test } from '@nestjs/testing';
import { getLockBackendToken, memoryBackend } from 'nestlock';
import { AppModule } from '../../sample-app/app.module';
import { configure } from '../../sample-app/create-app';
import { type Inventory, type InventoryOptions, startInventory } from '../../sample-app/inventory/inventory-server';
import { readSettings } from '../../sample-app/settings';

export interface Shop {
  readonly apps: readonly INestApplication[];
  readonly inventory: Inventory;
  /** Sends a request to one of the apps. */
  send(
    method: string,
    path: string,
    options?: { app?: number; body?: unknown; headers?: Record<string, string> },
  ): Promise<Answer>;
  close(): Promise<void>;
}

export interface ShopOptions extends Pick<InventoryOptions, 'accessTime' | 'printTime'> {
  locking?: boolean;
  apps?: number;
  seats?: number;
  /** Further variables of the environment. */
  env?: NodeJS.ProcessEnv;
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: any;
}

/**
 * The sample app against a real inventory. Several apps share one backend, and so contend as the processes of a fleet do.
 * They have no clock: no job runs by itself.
 */
export async function openShop({
  locking = true,
  apps: count = 1,
  seats = 10,
  env,
  ...times
}: ShopOptions = {}): Promise<Shop> {
  const inventory = await startInventory({ events: { concert: { name: 'Concert', seats } }, ...times });
  const settings = { ...readSettings({ LOCKING: locking ? 'on' : 'off', ...env }), inventoryUrl: inventory.url };
  const backend = memoryBackend();
  const apps = await Promise.all(
    Array.from({ length: count }, async () => {
      const module = await Test.createTestingModule({ imports: [withoutClock(AppModule.forRoot(settings))] })
        .overrideProvider(getLockBackendToken())
        .useValue(backend)
        .compile();
      const app = configure(module.createNestApplication());
      await app.listen(0, '127.0.0.1');
      return app;
    }),
  );
  return {
    apps,
    inventory,
    async send(method, path, { app = 0, body, headers = {} } = {}) {
      const response = await fetch((await apps[app]!.getUrl()) + path, {
        method,
        headers: { 'content-type': 'application/json', ...headers },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      return { status: response.status, headers: response.headers, body: await response.json() };
    },
    async close() {
      await Promise.all(apps.map((app) => app.close()));
      await inventory.close();
    },
  };
}

function withoutClock(app: DynamicModule): DynamicModule {
  return { ...app, imports: app.imports!.filter((each) => (each as DynamicModule).module !== ScheduleModule) };
}
