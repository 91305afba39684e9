import { expect, test } from 'vitest';
import { Outbox } from './outbox.ts';

/** An act that ends when it is told to. */
function act() {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  let started = false;
  return {
    end: () => resolve(),
    get started() {
      return started;
    },
    run: async () => {
      started = true;
      await promise;
    },
  };
}

const settled = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve));

test('send › runs as many of a kind at once as the bound says, and the next one after', async () => {
  const outbox = new Outbox({ create: 2, delete: 1 });
  const [a, b, c, d] = [act(), act(), act(), act()];
  for (const each of [a, b, c]) outbox.send('create', each.run);
  outbox.send('delete', d.run);
  await settled();
  expect([a, b, c, d].map(({ started }) => started)).toEqual([true, true, false, true]);
  a.end();
  await settled();
  expect(c.started).toBe(true);
});

test('close › starts nothing that waits, and nothing new', async () => {
  const outbox = new Outbox({ create: 1 });
  const [a, b, c] = [act(), act(), act()];
  outbox.send('create', a.run);
  outbox.send('create', b.run);
  await settled();
  outbox.close();
  outbox.send('create', c.run);
  a.end();
  await outbox.drained();
  await settled();
  expect([b.started, c.started]).toEqual([false, false]);
});

test('drained › waits for all that has started', async () => {
  const outbox = new Outbox({ create: 2 });
  const [a, b] = [act(), act()];
  outbox.send('create', a.run);
  outbox.send('create', b.run);
  await settled();
  outbox.close();
  let drained = false;
  const done = outbox.drained().then(() => {
    drained = true;
  });
  a.end();
  await settled();
  expect(drained).toBe(false);
  b.end();
  await done;
  expect(drained).toBe(true);
});
