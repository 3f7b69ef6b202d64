import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import MarkdownIt from 'markdown-it';

export const root = join(__dirname, '../..');

/** A fenced block of a page. */
export interface Block {
  readonly page: string;
  readonly lang: string;
  readonly text: string;
  /** Where its text begins, counted from 1. */
  readonly line: number;
  /** What a comment before it says: `<!-- context: shop -->` is `['context', 'shop']`. */
  readonly notes: ReadonlyMap<string, string>;
  /** `path:line`, for messages. */
  readonly where: string;
}

/** A table, as the texts of its cells, the heading of each column first. */
export interface Table {
  readonly rows: readonly (readonly string[])[];
  readonly notes: ReadonlyMap<string, string>;
  readonly where: string;
}

export interface Page {
  /** From the root of the repository, with slashes. */
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly Block[];
  readonly tables: readonly Table[];
  readonly links: readonly { readonly target: string; readonly where: string }[];
  /** What a link can name behind its `#`. */
  readonly anchors: ReadonlySet<string>;
  /** The words in backticks. */
  readonly codes: readonly { readonly code: string; readonly where: string }[];
}

const markdown = new MarkdownIt({ html: true });

/** README, changelog and all of docs/: what users read. */
export function allPages(): Page[] {
  const docs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name.split(sep).join('/')}`);
  return ['README.md', 'CHANGELOG.md', ...docs.sort()].map((path) => readPage(path));
}

export function readPage(path: string): Page {
  return parsePage(relative(root, join(root, path)).split(sep).join('/'), readFileSync(join(root, path), 'utf8'));
}

export function parsePage(path: string, text: string): Page {
  const blocks: Block[] = [];
  const tables: { rows: string[][]; notes: ReadonlyMap<string, string>; where: string }[] = [];
  const links: Page['links'][number][] = [];
  const codes: Page['codes'][number][] = [];
  const anchors = new Set<string>();
  let notes: ReadonlyMap<string, string> = new Map();
  let line = 0;
  const tokens = markdown.parse(text, {});
  for (const [i, token] of tokens.entries()) {
    line = (token.map?.[0] ?? line - 1) + 1;
    const where = `${path}:${line}`;
    if (token.type === 'fence' || token.type === 'code_block') {
      // Indented code has no language, like a fence without one.
      blocks.push({ page: path, lang: token.info.trim(), text: token.content, line: line + 1, notes, where });
    } else if (token.type === 'heading_open') {
      anchors.add(anchorOf(textOf(tokens[i + 1]), anchors));
    } else if (token.type === 'table_open') {
      tables.push({ rows: [], notes, where });
    } else if (token.type === 'tr_open') {
      tables.at(-1)!.rows.push([]);
    } else if (token.type === 'inline') {
      if (/^t[hd]_open$/.test(tokens[i - 1]!.type)) tables.at(-1)!.rows.at(-1)!.push(token.content);
      for (const child of token.children ?? []) {
        const target = child.attrGet('href') ?? child.attrGet('src');
        if (target !== null) links.push({ target: String(target), where });
        if (child.type === 'code_inline') codes.push({ code: child.content, where });
      }
    }
    if (token.type === 'html_block') notes = notesOf(token.content);
    else if (token.level === 0) notes = new Map();
  }
  return { path, text, blocks, tables, links, anchors, codes };
}

type Token = ReturnType<typeof markdown.parse>[number];

function textOf(token: Token | undefined): string {
  return (token?.children ?? []).map(({ content }) => content).join('');
}

/** As GitHub makes them. */
function anchorOf(heading: string, taken: ReadonlySet<string>): string {
  const anchor = heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');
  for (let n = 0; ; n++) {
    const each = n === 0 ? anchor : `${anchor}-${n}`;
    if (!taken.has(each)) return each;
  }
}

function notesOf(html: string): Map<string, string> {
  return new Map([...html.matchAll(/<!--\s*([\w-]+):\s*(.*?)\s*-->/g)].map(([, name, value]) => [name!, value!]));
}
