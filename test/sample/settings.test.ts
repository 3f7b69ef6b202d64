import { backends, createBackend } from '../../sample-app/backends';
import { demoBackends } from '../../sample-app/demo/servers';
import { readSettings } from '../../sample-app/settings';

describe('the settings of the sample app', () => {
  it('have defaults', () => {
    expect(readSettings({ PORT: '' })).toEqual({
      port: 3000,
      inventoryUrl: undefined,
      locking: true,
      lockBackend: 'memory',
      lockUrl: undefined,
      lockStrategy: undefined,
    });
  });

  it('are read from the environment', () => {
    const env = { PORT: '0', INVENTORY_URL: 'http://i', LOCKING: 'off', LOCK_BACKEND: 'b', LOCK_URL: 'u' };
    expect(readSettings(env)).toEqual({
      port: 0,
      inventoryUrl: 'http://i',
      locking: false,
      lockBackend: 'b',
      lockUrl: 'u',
      lockStrategy: undefined,
    });
  });

  it('are refused when they cannot be used', () => {
    expect(() => readSettings({ PORT: 'http' })).toThrow('Expected PORT to be a number from 0 to 65535, got "http"');
    expect(() => readSettings({ LOCKING: 'no' })).toThrow('Expected LOCKING to be "on" or "off", got "no"');
  });

  it('have a strategy for databases', () => {
    const strategyOf = (env: NodeJS.ProcessEnv) => readSettings(env).lockStrategy;
    for (const LOCK_BACKEND of ['postgres', 'mysql']) {
      expect(strategyOf({ LOCK_BACKEND })).toBe('lease');
      for (const LOCK_STRATEGY of ['lease', 'transaction', 'optimistic']) {
        expect(strategyOf({ LOCK_BACKEND, LOCK_STRATEGY })).toBe(LOCK_STRATEGY);
      }
    }
    expect(() => strategyOf({ LOCK_BACKEND: 'mysql', LOCK_STRATEGY: 'hope' })).toThrow(
      'Expected LOCK_STRATEGY to be one of lease, transaction, optimistic, got "hope"',
    );
    expect(() => strategyOf({ LOCK_STRATEGY: 'lease' })).toThrow(
      'The memory backend has no strategies: leave out LOCK_STRATEGY, or take the backend postgres or mysql.',
    );
  });

  it('say which backends there are', () => {
    const names = Object.keys(backends);
    expect(names).toEqual(Object.keys(demoBackends));
    expect(createBackend('memory', undefined).name).toBe('memory');
    for (const unknown of ['memroy', 'constructor']) {
      expect(() => createBackend(unknown, undefined)).toThrow(
        `There is no lock backend "${unknown}". There is: ${names.join(', ')}`,
      );
    }
  });
});
