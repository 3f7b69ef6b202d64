import type { Section } from './history';
import type { Noted, SharedTable } from './place';

/**
 * What is wrong with the writes that were committed. Each of them must have read what the one before it wrote, and it must be
 * as its caller was told: there if it is done, not there if it failed.
 */
export function wrongWrites(
  values: Awaited<ReturnType<SharedTable['values']>>,
  log: readonly Noted[],
  sections: readonly Section[],
): string[] {
  const wrong: string[] = [];
  const noted = new Set(log.map(({ section }) => section));
  for (const { asked, answered } of sections) {
    if (answered?.outcome === 'done' && !noted.has(asked.id)) wrong.push(`${asked.id} is done, and was not committed`);
    if (answered?.outcome === 'failed' && noted.has(asked.id)) wrong.push(`${asked.id} failed, and was committed`);
  }
  if (noted.size < log.length) wrong.push(`${log.length - noted.size} sections were committed more than once`);
  for (const [id, value] of values) {
    const read = log.filter((each) => each.id === id).map((each) => each.value);
    const lost = read.length - new Set(read).size;
    if (lost > 0) wrong.push(`${id}: ${lost} updates were lost: others have read the same value and written over them`);
    if (lost === 0 && value !== read.length) wrong.push(`${id} is ${value} after ${read.length} writes`);
  }
  return wrong;
}
