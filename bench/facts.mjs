import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';

export const packageOf = (path) => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));

/** What the figures depend on, whatever they are about. */
export function factsAbout({ name }) {
  const { dependencies } = packageOf('package.json');
  return [
    ['Form', name],
    ['Date', new Date().toISOString().slice(0, 10)],
    ['Machine', `${cpus().length} × ${cpus()[0].model.trim()}`],
    ['Node.js', process.versions.node],
    ['nestlock', packageOf('../package.json').version],
    ...Object.entries(dependencies),
  ];
}
