import { expect, test } from 'vitest';
import { at } from '../testing/fixtures.ts';
import { EmptyNamespaces, endsAtOnceMax } from './empty-namespaces.ts';

const nobody = new Set<string>();
const a = { name: 'a', uid: '1' };

test('a guest namespace ends some time after its last guest, and not before', () => {
  const namespaces = new EmptyNamespaces({ afterMs: 100 });
  namespaces.seen(a, at(0));
  expect(namespaces.due(new Set(['a']), at(90))).toEqual([]);
  expect(namespaces.due(nobody, at(189))).toEqual([]);
  expect(namespaces.due(nobody, at(190))).toEqual([a]);
});

test('one that is kept is looked at again after the same time', () => {
  const namespaces = new EmptyNamespaces({ afterMs: 100 });
  namespaces.seen(a, at(0));
  expect(namespaces.due(nobody, at(100))).toEqual([a]);
  expect(namespaces.due(nobody, at(150))).toEqual([]);
  expect(namespaces.due(nobody, at(200))).toEqual([a]);
});

test('another of the same name has its own time; one that is gone has none', () => {
  const namespaces = new EmptyNamespaces({ afterMs: 100 });
  namespaces.seen(a, at(0));
  namespaces.seen(a, at(50));
  namespaces.seen({ name: 'a', uid: '2' }, at(60));
  expect(namespaces.due(nobody, at(120))).toEqual([]);
  expect(namespaces.due(nobody, at(160))).toEqual([{ name: 'a', uid: '2' }]);
  namespaces.gone('a');
  expect(namespaces.due(nobody, at(900))).toEqual([]);
});

test('no more than some end at once, and the others next', () => {
  const namespaces = new EmptyNamespaces({ afterMs: 1 });
  for (let i = 0; i < endsAtOnceMax + 3; i++) {
    namespaces.seen({ name: `n${i}`, uid: `${i}` }, at(0));
  }
  expect(namespaces.due(nobody, at(1))).toHaveLength(endsAtOnceMax);
  expect(namespaces.due(nobody, at(1))).toHaveLength(3);
});

test('0 ends none', () => {
  const namespaces = new EmptyNamespaces({ afterMs: 0 });
  namespaces.seen(a, at(0));
  expect(namespaces.due(nobody, at(1e9))).toEqual([]);
});
