import {
  LockConfigError,
  LockConflictError,
  LockError,
  LockKeyError,
  LockLostError,
  LockNotReadyError,
  LockReentryError,
  LockShutdownError,
  LockTimeoutError,
  LockUnavailableError,
} from '../../lib/core/errors';

const cause = new Error('the cause');

const tree: [LockError, string, string, Record<string, unknown>][] = [
  [new LockTimeoutError('k', { waited: 5 }), 'LockTimeoutError', 'LOCK_TIMEOUT', { waited: 5, status: 423, statusCode: 423, expose: false }], // prettier-ignore
  [new LockUnavailableError('down', { key: 'k', cause }), 'LockUnavailableError', 'LOCK_UNAVAILABLE', { status: 503, statusCode: 503, expose: false, cause }], // prettier-ignore
  [new LockLostError('k', { reason: 'expired', cause, result: 3 }), 'LockLostError', 'LOCK_LOST', { reason: 'expired', result: 3, cause }], // prettier-ignore
  [new LockConflictError('k', { attempts: 5 }), 'LockConflictError', 'LOCK_CONFLICT', { attempts: 5, status: 409, statusCode: 409, expose: false }], // prettier-ignore
  [new LockReentryError('k', 'again'), 'LockReentryError', 'LOCK_REENTRY', {}],
  [new LockKeyError('bad', { key: 'k' }), 'LockKeyError', 'LOCK_KEY', {}],
  [new LockConfigError('bad', { key: 'k' }), 'LockConfigError', 'LOCK_CONFIG', {}],
  [new LockNotReadyError('not yet', { key: 'k' }), 'LockNotReadyError', 'LOCK_NOT_READY', {}],
  [new LockShutdownError('k'), 'LockNotReadyError', 'LOCK_NOT_READY', { status: 503, statusCode: 503, expose: false }],
];

const rows = tree.map(([error, name, code, details]) => ({ error, name, code, details }));

test.each(rows)('$name is a LockError with name, code, key and its details', ({ error, name, code, details }) => {
  expect(error).toBeInstanceOf(LockError);
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({ name, code, key: 'k', ...details });
  expect(String(error)).toMatch(new RegExp(`^${name}: `));
});

test('errors that are about a key name it', () => {
  for (const [error, name] of tree) {
    if (/Timeout|Lost|Conflict|Reentry/.test(name)) expect(error.message).toContain('"k"');
  }
});

test('only errors that a server answers with a status of its own carry one', () => {
  const with_ = tree.filter(([error]) => 'status' in error).map(([error]) => error.constructor.name);
  expect(with_).toEqual(['LockTimeoutError', 'LockUnavailableError', 'LockConflictError', 'LockShutdownError']);
});

test('cause and key are absent unless given', () => {
  const error = new LockUnavailableError('down');
  expect('cause' in error).toBe(false);
  expect('key' in error).toBe(false);
  expect('result' in new LockLostError('k', { reason: 'stolen' })).toBe(false);
});

test('a shutting down service is not ready', () => {
  expect(new LockShutdownError()).toBeInstanceOf(LockNotReadyError);
  expect(new LockShutdownError().message).toMatch(/shutting down/);
});

test.each(['expired', 'stolen', 'session', 'maxHold', 'shutdown', 'released'] as const)(
  'LockLostError says why: %s',
  (reason) => {
    expect(new LockLostError('k', { reason }).message).toMatch(/^Lock "k" is not held any more: .{20,}\.$/);
  },
);

test('LockTimeoutError says how long it waited, or that it did not', () => {
  expect(new LockTimeoutError('k', { waited: 1_234.5 }).message).toMatch(/after 1235 ms of waiting/);
  expect(new LockTimeoutError('k', { waited: 0 }).message).toMatch(/was not waited for/);
});
