import { expect, test } from 'vitest';
import { cluster, podOf } from '../testing/fixtures.ts';
import { AwayEntries } from './away-entries.ts';
import { homeDefaults } from './config.ts';

const lyon = cluster('lyon');

test('find › finds the pod that has the name now, though an earlier one’s guest is found after it', () => {
  const entries = new AwayEntries(homeDefaults);
  const now = entries.adopt(podOf('db', { metadata: { uid: 'now' } }), lyon);
  const earlier = entries.adopt(podOf('db', { metadata: { uid: 'earlier' } }), lyon);
  earlier.homeGone = true;
  expect(entries.find('default', 'db')).toBe(now);
  entries.forget(earlier);
  expect(entries.find('default', 'db')).toBe(now);
});

test('find › finds one whose guest is still ending when no other has the name', () => {
  const entries = new AwayEntries(homeDefaults);
  const earlier = entries.adopt(podOf('db'), lyon);
  earlier.homeGone = true;
  expect(entries.find('default', 'db')).toBe(earlier);
});
