import { Registers } from './registers';

test('a register that checks tokens refuses who has read before another did; one that does not loses an update', () => {
  const registers = new Registers();
  const both = (token: string, value?: number): (number | undefined)[] =>
    (['fenced', 'open'] as const).map((register) =>
      registers.access({ register, key: 'k', token, ...(value !== undefined && { value }) }),
    );
  expect(both('1')).toEqual([0, 0]);
  expect(both('2')).toEqual([0, 0]);
  expect(both('2', 1)).toEqual([1, 1]);
  expect(both('1', 1)).toEqual([undefined, 1]); // it was stopped after it had read
  expect(registers.refused).toBe(1);
  expect(registers.lost('fenced')).toBe(0);
  expect(registers.lost('open')).toBe(1);
});

test('two with the same token lose an update all the same, and it is found', () => {
  const registers = new Registers();
  const access = (value?: number): void =>
    void registers.access({ register: 'fenced', key: 'k', token: '7', ...(value !== undefined && { value }) });
  for (const value of [undefined, undefined, 1, 1]) access(value);
  expect(registers.lost('fenced')).toBe(1);
});
