import ts from 'typescript';
import { entryProgram } from './compile';
import { type Table, allPages } from './pages';

const { program, entries } = entryProgram();
const checker = program.getTypeChecker();

/** What all entry points export, by name. */
const exported = new Map(
  [...entries.values()]
    .flatMap((file) => checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(file)!)!))
    .map((symbol) => [symbol.name, symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol]),
);

const pages = allPages();
const tables = pages.flatMap((page) => page.tables);
const withNote = (note: string): Table[] => tables.filter(({ notes }) => notes.has(note));

interface Member {
  readonly name: string;
  /** What its comment says behind "Default:", if that is a value in backticks. */
  readonly byDefault: string | undefined;
}

function membersOf(type: string): Member[] {
  const symbol = exported.get(type);
  if (!symbol) throw new Error(`There is no ${type}`);
  return checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(symbol)).map((property) => {
    const comment = ts.displayPartsToString(property.getDocumentationComment(checker));
    return {
      name: property.name,
      byDefault: /Default: (?:`([^`]+)`|(\d[\d,]*)\b)/.exec(comment)?.slice(1).find(Boolean),
    };
  });
}

const bare = (cell: string): string => cell.replace(/^`|`$/g, '');

it('tables of options and members name all that there are, and no others', () => {
  const checked = [...withNote('options'), ...withNote('members')];
  expect(checked.length).toBeGreaterThan(6);
  for (const { rows, notes, where } of checked) {
    const types = (notes.get('options') ?? notes.get('members')!).split(', ');
    const names = rows.slice(1).map(([cell]) => bare(cell!).replace(/\(\)$/, ''));
    const own = names.filter((name) => !name.startsWith('…'));
    const members = types.flatMap(membersOf).map(({ name }) => name);
    expect([where, own.sort()]).toEqual([where, members.filter((name) => !name.startsWith('__@')).sort()]);
  }
});

it('tables of options give the defaults that the options themselves do', () => {
  let compared = 0;
  for (const { rows, notes, where } of withNote('options')) {
    const members = notes.get('options')!.split(', ').flatMap(membersOf);
    const column = rows[0]!.indexOf('default');
    for (const row of rows.slice(1)) {
      const { name, byDefault } = members.find((member) => member.name === bare(row[0]!)) ?? {};
      if (byDefault === undefined || byDefault === 'memoryBackend()') continue;
      compared++;
      expect([where, name, bare(row[column]!)]).toEqual([where, name, byDefault]);
    }
  }
  expect(compared).toBeGreaterThan(20);
});

it('the table of errors names all that there are', () => {
  const [table, ...others] = withNote('errors');
  expect(others).toEqual([]);
  const errors = [...exported.keys()].filter((name) => /^Lock\w+Error$/.test(name));
  expect(
    table!.rows
      .slice(1)
      .map(([cell]) => bare(cell!))
      .sort(),
  ).toEqual(errors.sort());
});

it('names that look like ours are ours', () => {
  const named = pages
    .flatMap(({ codes }) => codes)
    .filter(({ code }) => /^(Lock\w+|\w+Backend|transactionOf|attachLocks)$/.test(code));
  expect(named.length).toBeGreaterThan(40);
  expect(named.filter(({ code }) => !exported.has(code))).toEqual([]);
});
