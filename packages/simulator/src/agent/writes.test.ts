import { randomStream } from '@spillway/core';
import { beforeEach, expect, test } from 'vitest';
import { wellApi } from '../cluster/api-conditions.ts';
import { ModelApiServer } from '../cluster/api-server.ts';
import { ModelNetwork } from '../network/network.ts';
import { VirtualTime } from '../virtual-time.ts';
import { ModelWrites } from './writes.ts';

let time: VirtualTime;
let api: ModelApiServer;
let writes: ModelWrites;
let alive: boolean;

beforeEach(() => {
  time = new VirtualTime();
  api = new ModelApiServer({ uidPrefix: 'c', nodes: [], namespaces: [] });
  alive = true;
  writes = new ModelWrites({
    api,
    time,
    network: new ModelNetwork(time, randomStream(1, 'network'), () => 1),
    writeMsMax: 30,
    random: randomStream(1, 'writes'),
    alive: () => alive,
  });
});

/** What became of `count` writes: how many were done, and how many were said to be. */
function written(count: number): { readonly done: number; readonly said: number } {
  let [done, said] = [0, 0];
  for (let i = 0; i < count; i++) {
    writes.write(
      () => (done += 1),
      (outcome) => {
        if (outcome !== undefined) said += 1;
      },
    );
  }
  time.run(time.now + 60_000, () => {});
  return { done, said };
}

test('a server that is well does what it is asked, and says so', () => {
  expect(written(100)).toEqual({ done: 100, said: 100 });
});

test('409: nothing was done', () => {
  api.conditions = { ...wellApi, conflict: 1 };
  expect(written(100)).toEqual({ done: 0, said: 0 });
});

test('429: nothing was done, and the client asks again, a bounded number of times', () => {
  api.conditions = { ...wellApi, tooManyRequests: 1 };
  expect(written(100)).toEqual({ done: 0, said: 0 });
  api.conditions = { ...wellApi, tooManyRequests: 0.5 };
  const { done, said } = written(400);
  expect(done).toBe(said);
  // One in 16 is refused four times.
  expect(done).toBeGreaterThan(340);
  expect(done).toBeLessThan(400);
});

test('500: it is not known whether it was done', () => {
  api.conditions = { ...wellApi, error: 1 };
  const { done, said } = written(300);
  expect(said).toBe(0);
  expect(done).toBeGreaterThan(150);
  expect(done).toBeLessThan(250);
});

test('a server that answers later than the client waits has done some of what it was asked', () => {
  api.conditions = { ...wellApi, slowMs: 20_000 };
  const { done, said } = written(300);
  expect(done).toBeGreaterThan(said);
  expect(said).toBeGreaterThan(0);
});

test('a server that goes away does not answer what it has done', () => {
  let [done, answered] = [0, 0];
  for (let i = 0; i < 100; i++) {
    writes.write(
      () => (done += 1),
      (outcome) => (answered += outcome === undefined ? 0 : 1),
    );
  }
  time.run(15, () => {});
  api.goDown('breaks');
  time.run(60_000, () => {});
  expect(done).toBeGreaterThan(answered);
  expect(done).toBeLessThan(100);
});

test('nobody hears of a write of an agent that has died, be it done or not', () => {
  let heard = 0;
  writes.write(
    () => undefined,
    () => (heard += 1),
  );
  alive = false;
  time.run(60_000, () => {});
  expect(heard).toBe(0);
});
