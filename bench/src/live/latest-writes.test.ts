import { describe, expect, test } from 'vitest';
import { LatestWrites } from './latest-writes.ts';

/** Writes that last until they are let go, one by one and by name. */
function recorded(atOnceMax: number) {
  const started: string[] = [];
  const open = new Map<string, (error?: Error) => void>();
  const writes = new LatestWrites<string, number>({
    atOnceMax,
    write: async (key, state) => {
      started.push(`${key}${state}`);
      await new Promise<void>((resolve, reject) =>
        open.set(key, (error) => (error === undefined ? resolve() : reject(error))),
      );
    },
  });
  const finish = async (key: string, error?: Error): Promise<void> => {
    open.get(key)?.(error);
    // The write after it starts in a microtask.
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { writes, started, finish };
}

describe('LatestWrites', () => {
  test('writes no more at once than its bound, in the order in which they were wanted', async () => {
    const { writes, started, finish } = recorded(2);
    for (const key of ['a', 'b', 'c', 'd']) writes.want(key, 1);
    expect(started).toEqual(['a1', 'b1']);
    await finish('b');
    expect(started).toEqual(['a1', 'b1', 'c1']);
  });

  test('never writes one thing twice at once, and skips what was wanted in between', async () => {
    const { writes, started, finish } = recorded(4);
    writes.want('a', 1);
    writes.want('a', 2);
    writes.want('a', 3);
    expect(started).toEqual(['a1']);
    await finish('a');
    expect(started).toEqual(['a1', 'a3']);
  });

  test('one that is busy does not hold up the others', () => {
    const { writes, started } = recorded(2);
    writes.want('a', 1);
    writes.want('a', 2);
    writes.want('b', 1);
    expect(started).toEqual(['a1', 'b1']);
  });

  test('is settled when the last write has ended', async () => {
    const { writes, finish } = recorded(1);
    await writes.settled();
    writes.want('a', 1);
    writes.want('b', 1);
    let settled = false;
    const wait = writes.settled().then(() => (settled = true));
    await finish('a');
    expect(settled).toBe(false);
    await finish('b');
    await wait;
    expect(settled).toBe(true);
  });

  test('after a failure it writes nothing more, and says what failed', async () => {
    const { writes, started, finish } = recorded(1);
    writes.want('a', 1);
    writes.want('b', 1);
    writes.throwIfFailed();
    await finish('a', new Error('refused'));
    expect(started).toEqual(['a1']);
    await expect(writes.settled()).rejects.toThrow('refused');
    expect(() => writes.throwIfFailed()).toThrow('refused');
  });
});
