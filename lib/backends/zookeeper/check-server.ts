import { LockConfigError } from '../../core/errors';
import { Code } from './client';
import { hasCode, unavailable } from './failures';
import type { ZooKeeperSettings } from './options';
import type { Session } from './session';
import type { Sessions } from './sessions';

/** What does not go away by itself. */
const HOPELESS: readonly number[] = [Code.noNode, Code.noAuth, Code.authFailed, Code.invalidAcl];

/**
 * Waits for the session, at boot. Resolves with a warning if there is something to be said.
 *
 * @throws LockConfigError when it can never work
 */
export async function checkServer(sessions: Sessions, settings: ZooKeeperSettings): Promise<string | undefined> {
  const session = await settled(sessions, settings.commandTimeout);
  const { problem } = session;
  if (problem && HOPELESS.some((code) => hasCode(problem, code))) {
    throw new LockConfigError(unavailable('ZooKeeper cannot be used', problem).message, { cause: problem });
  }
  if (!session.isUsable) {
    const why = problem?.message ?? `no answer from ${settings.connect} within ${settings.commandTimeout} ms`;
    return `ZooKeeper is not available yet (${why}): until it is, every lock fails with LockUnavailableError.`;
  }
  const { timeout } = session;
  if (timeout === settings.sessionTimeout) return undefined;
  return (
    `ZooKeeper has made it a session of ${timeout} ms instead of ${settings.sessionTimeout}: locks of a process that dies ` +
    'are free after that time. Change "sessionTimeout", or minSessionTimeout and maxSessionTimeout of the servers.'
  );
}

/** The session as soon as it can be used or has a problem, or when the time is up. */
async function settled(sessions: Sessions, timeout: number): Promise<Session> {
  return new Promise((resolve) => {
    const look = (): void => {
      const { current } = sessions;
      if (current.isUsable || current.problem || sessions.isClosed) done();
    };
    const done = (): void => {
      clearTimeout(timer);
      sessions.offChange(look);
      resolve(sessions.current);
    };
    const timer = setTimeout(done, timeout);
    sessions.onChange(look);
    look();
  });
}
