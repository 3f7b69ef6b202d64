import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import manifest from '../../package.json';
import type { Project } from './project';
import { RESOLUTIONS, typeErrors } from './type-check';

/** What users import from: `nestlock`, `nestlock/redis` … */
export const entries = Object.entries(manifest.exports)
  .filter(([, target]) => typeof target === 'object')
  .map(([path]) => path.replace(/^\./, 'nestlock'));

const LOADED = `console.log(Object.keys(entry).length > 0, typeof nest.Module);`;

/** The ways in which an application may come to an entry; each prints LOADED's answer, or what is wrong. */
const WAYS: readonly (readonly [string, string, (entry: string) => string])[] = [
  [
    'can be imported before Nest, and is the same for require',
    'first.mjs',
    (entry) => `
      import * as entry from '${entry}';
      import * as nest from '@nestjs/common';
      import { createRequire } from 'node:module';
      const required = createRequire(import.meta.url)('${entry}');
      const wrong = Object.keys(required).filter((name) => entry[name] !== required[name]);
      if (wrong.length > 0) console.log('missing or different:', wrong);
      ${LOADED}`,
  ],
  [
    'can be imported after Nest',
    'last.mjs',
    (entry) => `import * as nest from '@nestjs/common';\nimport * as entry from '${entry}';\n${LOADED}`,
  ],
  [
    'can be required',
    'required.cjs',
    (entry) => `const entry = require('${entry}');\nconst nest = require('@nestjs/common');\n${LOADED}`,
  ],
];

/**
 * Loads every entry, in a process of its own for each way.
 *
 * @param node - the binary
 * @param ways - how many of the ways, of which the first is the hardest
 */
export function describeEntries(project: () => Project, node: () => Promise<string>, ways = WAYS.length): void {
  describe.each(entries)('%s', (entry) => {
    it.each(WAYS.slice(0, ways))(
      '%s',
      async (_, file, source) => {
        const name = `${entry.replaceAll('/', '-')}-${file}`;
        expect(await project().run(name, source(entry), await node())).toBe('true function\n');
      },
      60_000,
    );
  });
}

/** Compiles a user of every entry, and others, in each kind of project; and our declarations with them. */
export function describeTypes(project: () => Project, users: Readonly<Record<string, string>> = {}): void {
  const all = entries.map((entry, i) => `import * as entry${i} from '${entry}';\nexport const is${i} = entry${i};`);
  const sources = Object.entries({ all: all.join('\n'), ...users });

  it.each(Object.entries(RESOLUTIONS))(
    'has types for a user with %s, and needs no types of others',
    async (name, resolution) => {
      const files: string[] = [];
      for (const extension of name === 'nodenext' ? ['ts', 'mts'] : ['ts']) {
        for (const [user, source] of sources) {
          const file = join(project().dir, `${user}.${extension}`);
          await writeFile(file, source);
          files.push(file);
        }
      }
      expect(typeErrors(files, resolution)).toEqual([]);
    },
    120_000,
  );
}
