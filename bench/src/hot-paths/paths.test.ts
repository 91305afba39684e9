import { describe, expect, it } from 'vitest';
import { measured } from './hot-path.ts';
import { paths } from './paths.ts';

/** One takes a second on an idle machine; what it takes on a busy one says nothing. */
const workMsMax = 60_000;

describe('hot paths', () => {
  it.each(paths)(
    '$name › does its work, and so does its baseline',
    { timeout: workMsMax },
    (path) => {
      // The checks of the results are in `prepare`, which throws.
      const { ours, baseline } = path.prepare();
      expect([ours(), baseline()]).not.toContain(undefined);
    },
  );

  it('are not measured when the work is not done', async () => {
    const broken = {
      name: 'broken',
      what: '',
      baseline: '',
      perCall: { ours: 1, baseline: 1 },
      prepare: () => {
        throw new Error('the benchmark does not do its work: at all');
      },
    };
    await expect(measured(broken, { rounds: 1, quick: true })).rejects.toThrow('does not do');
  });
});
