import { expect, test } from 'vitest';
import { cluster, podOf } from '../../testing/fixtures.ts';
import { OffloadedEntries } from './entries.ts';
import { homeDefaults } from '../config.ts';

const lyon = cluster('lyon');

test('find › finds the pod that has the name now, though an earlier one’s guest is found after it', () => {
  const entries = new OffloadedEntries(homeDefaults);
  const now = entries.adopt(podOf('db', { metadata: { uid: 'now' } }), lyon);
  const earlier = entries.adopt(podOf('db', { metadata: { uid: 'earlier' } }), lyon);
  earlier.homeGone = true;
  expect(entries.find('default', 'db')).toBe(now);
  entries.forget(earlier);
  expect(entries.find('default', 'db')).toBe(now);
});

test('find › finds one whose guest is still ending when no other has the name', () => {
  const entries = new OffloadedEntries(homeDefaults);
  const earlier = entries.adopt(podOf('db'), lyon);
  earlier.homeGone = true;
  expect(entries.find('default', 'db')).toBe(earlier);
});
