import type { LockBackend } from './backend';

/** A backend in use, possibly by several set-ups, or by several applications in one process. */
interface Use {
  readonly users: Set<object>;
  opening: Promise<unknown> | undefined;
  closing: Promise<void> | undefined;
}

const uses = new WeakMap<LockBackend, Use>();

/** Opens the backend for one more user; only the first one's call reaches it. Resolves as the backend's `open` does. */
export async function openBackend(backend: LockBackend, user: object): Promise<void | string> {
  const use = uses.get(backend) ?? { users: new Set(), opening: undefined, closing: undefined };
  uses.set(backend, use);
  if (use.users.has(user)) use.opening = undefined; // it asks again
  use.users.add(user);
  const isFirst = use.opening === undefined;
  const opening = (use.opening ??= Promise.resolve(use.closing)
    .catch(() => undefined) // whoever closed it was told
    .then(() => backend.open?.()));
  try {
    const warning = await opening;
    return isFirst && typeof warning === 'string' ? warning : undefined;
  } catch (error) {
    use.users.delete(user);
    if (use.opening === opening) use.opening = undefined;
    throw error;
  }
}

/** The user is done with the backend; it is closed with its last one. */
export async function closeBackend(backend: LockBackend, user: object): Promise<void> {
  const use = uses.get(backend);
  use?.users.delete(user);
  if (!use) return backend.close?.();
  if (use.users.size > 0) return;
  use.opening = undefined;
  await (use.closing = backend.close?.());
}
