import type { LockBackend } from './backend';

/**
 * The answers to renewals that were asked for one by one, as `LockBackend.renew` gives them: what has failed could not be
 * found out. If all have failed it rejects with the first error, so that a loss can tell why.
 */
export async function renewalAnswers(renewals: readonly Promise<number | null>[]): ReturnType<LockBackend['renew']> {
  const answers = await Promise.allSettled(renewals);
  const failures = answers.filter(({ status }) => status === 'rejected');
  if (answers.length > 0 && failures.length === answers.length) throw (failures[0] as PromiseRejectedResult).reason;
  return answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : undefined));
}
