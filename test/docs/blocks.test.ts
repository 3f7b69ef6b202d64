import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import manifest from '../../package.json';
import { anyRedis } from '../servers/redis';
import { javaWithCurator } from '../zookeeper/interop/curator';
import { typeErrors } from './compile';
import { type Block, allPages, parsePage } from './pages';
import { shellFaults } from './shell';

const blocks = allPages().flatMap((page) => page.blocks);
const of = (lang: string): Block[] => blocks.filter((block) => block.lang === lang);

/** What each language is checked by. Nothing is looked for in `text`: it is what a program prints, or a formula. */
const CHECKED = {
  ts: 'it compiles',
  sh: 'its commands are known',
  json: 'it can be parsed',
  sql: 'test/docs/quick-starts.test.ts',
  redis: 'it runs',
  java: 'it compiles',
  text: '',
};

it('every block says what it is in, and there is a check of that', () => {
  expect(blocks.filter(({ lang }) => !Object.hasOwn(CHECKED, lang)).map(({ where, lang }) => [where, lang])).toEqual(
    [],
  );
  expect(of('text').filter(({ text }) => /^(import|export|const|await|npm|SELECT)\b/m.test(text))).toEqual([]);
});

/** What runs the blocks that say so. */
const RUN = {
  'quick start': 'quick-starts.test.ts',
  transaction: 'quick-starts.test.ts',
  versioned: 'quick-starts.test.ts',
  'service without nest': 'quick-starts.test.ts',
  'fencing in sql': 'fencing.test.ts',
  'fencing over http, the resource': 'fencing.test.ts',
  'fencing over http, the holder': 'fencing.test.ts',
};

it('every block that says that it is run has a test that does so', () => {
  const said = blocks.flatMap(({ notes }) => notes.get('run') ?? []);
  expect([...new Set(said)].sort()).toEqual(Object.keys(RUN).sort());
});

it('ts: every block compiles', () => {
  expect(of('ts').length).toBeGreaterThan(30);
  expect(typeErrors(of('ts'))).toEqual([]);
}, 120_000);

it('ts: a name that is nowhere, a wrong option, a wrong entry, a wrong export and a key that does not fit are found', () => {
  const wrong = [
    "import { LockService } from 'nestlock';\nawait locks.run('k', () => 1);",
    "import { LockModule } from 'nestlock';\nLockModule.forRoot({ tll: 3 });",
    "import { LockService } from 'nestlock/core';",
    "import { redisBackends } from 'nestlock/redis';",
    "import { DistributedLock } from 'nestlock';\nclass A { @DistributedLock((n: number) => `${n}`) async b(s: string) {} }",
  ];
  const text = wrong.map((code) => `\`\`\`ts\n${code}\n\`\`\`\n`).join('\n');
  expect(typeErrors(parsePage('docs/guide/x.md', text).blocks)).toEqual([
    "docs/guide/x.md:3: Cannot find name 'locks'.",
    expect.stringMatching(/^docs\/guide\/x.md:8: .*'tll' does not exist/),
    expect.stringMatching(/^docs\/guide\/x.md:12: Cannot find module 'nestlock\/core'/),
    expect.stringMatching(/^docs\/guide\/x.md:16: .* no exported member named 'redisBackends'/),
    expect.stringMatching(/^docs\/guide\/x.md:21: .*the key function takes other parameters than the method/),
  ]);
}, 120_000);

it('sh: every command is one that there is', () => {
  expect(of('sh').flatMap((block) => shellFaults(block, manifest))).toEqual([]);
});

it('json: every block can be parsed', () => {
  expect(of('json').map(({ text }) => typeof JSON.parse(text))).not.toContain('undefined');
});

it('redis: every command is accepted by a server', async () => {
  const server = await anyRedis();
  try {
    const { Redis } = await import('ioredis');
    const client = new Redis(server.url);
    for (const { text } of of('redis')) {
      for (const line of text.trim().split('\n')) {
        const [name, ...args] = line.split(' ');
        expect(await client.call(name!, ...args)).toBe('OK');
      }
    }
    client.disconnect();
  } finally {
    await server.stop();
  }
});

it('java: every statement compiles against Curator', async () => {
  const { compiler, jar } = await javaWithCurator();
  const folder = mkdtempSync(join(tmpdir(), 'nestlock-docs-'));
  try {
    const body = of('java').map(({ text }) => text);
    expect(body.length).toBeGreaterThan(0);
    const source = `import org.apache.curator.framework.*;\nimport org.apache.curator.framework.recipes.locks.*;
      class Docs { void of(CuratorFramework client) throws Exception { ${body.join('\n')} } }`;
    writeFileSync(join(folder, 'Docs.java'), source);
    const { status, stderr } = spawnSync(compiler, ['-proc:none', '-cp', jar, '-d', folder, join(folder, 'Docs.java')]);
    expect([status, String(stderr)]).toEqual([0, expect.anything()]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 120_000);
