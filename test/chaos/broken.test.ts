import { brokenPlace } from './redis-places';
import type { Report } from './run';
import { run } from './run';

jest.setTimeout(400_000);

async function reportOn(mistake: Parameters<typeof brokenPlace>[0], seed = 1): Promise<Report> {
  const place = await brokenPlace(mistake);
  try {
    return await run({ place, seed, duration: 22_000, members: 3, membersOnly: true });
  } finally {
    await place.stop();
  }
}

test.concurrent('a backend that gives locks back without a look whose they are is found out', async () => {
  // It takes one who comes too late to give it back, while another has it, and a third who waits.
  for (let seed = 1; seed <= 8; seed++) {
    const { violations } = await reportOn('releases-unchecked', seed);
    if (violations.some((violation) => violation.includes('held it at once'))) return;
  }
  throw new Error('It was not found out');
});

test.concurrent('a backend whose tokens begin again with each process is found out', async () => {
  const { violations } = await reportOn('restarts-tokens');
  expect(violations).toContainEqual(expect.stringContaining('not greater than all before'));
  expect(violations).not.toContainEqual(expect.stringContaining('held it at once'));
});
