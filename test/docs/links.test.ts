import { existsSync } from 'node:fs';
import { join, posix } from 'node:path';
import { type Page, allPages, parsePage, readPage, root } from './pages';

const pages = [...allPages(), readPage('CONTRIBUTING.md'), readPage('bench/README.md')];

function faults(page: Page, others: readonly Page[]): string[] {
  return page.links
    .filter(({ target }) => !/^https?:\/\//.test(target))
    .filter(({ target }) => !leadsSomewhere(target, page, others))
    .map(({ target, where }) => `${where}: ${target}`);
}

function leadsSomewhere(target: string, page: Page, others: readonly Page[]): boolean {
  const [path = '', anchor] = target.split('#');
  const found = path === '' ? page.path : posix.join(posix.dirname(page.path), path);
  if (path !== '' && !existsSync(join(root, found))) return false;
  if (anchor === undefined) return true;
  const { anchors } = [page, ...others].find((other) => other.path === found) ?? {};
  return anchors?.has(anchor) ?? false;
}

it.each(pages.map((page) => [page.path, page] as const))('%s: every link leads to a file and a heading', (_, page) => {
  expect(faults(page, pages)).toEqual([]);
});

it('finds a file that is not there, and a heading that is not there', () => {
  const text = '# One heading\n\n[a](b.md) [c](#one-heading) [d](#another) [e](README.md#nestlock) [f](README.md#no)\n';
  expect(faults(parsePage('x.md', text), pages)).toEqual(['x.md:3: b.md', 'x.md:3: #another', 'x.md:3: README.md#no']);
});

it('every page of docs/ can be reached from the README', () => {
  const reached = new Set<string>();
  const visit = (path: string): void => {
    if (reached.has(path)) return;
    reached.add(path);
    const page = pages.find((each) => each.path === path);
    for (const { target } of page?.links ?? []) visit(posix.join(posix.dirname(path), target.split('#')[0]!));
  };
  visit('README.md');
  const unreached = pages.map(({ path }) => path).filter((path) => !reached.has(path));
  expect(unreached.filter((path) => !path.startsWith('docs/decisions/'))).toEqual([]); // the folder is linked to
});

it('every path of the repository that is named in backticks is there', () => {
  const named = allPages().flatMap(({ codes }) =>
    codes.filter(({ code }) => /^(test|lib|bench|sample-app|docs)\/\S+$/.test(code)),
  );
  expect(named.length).toBeGreaterThan(30);
  expect(named.filter(({ code }) => !existsSync(join(root, code)))).toEqual([]);
});
