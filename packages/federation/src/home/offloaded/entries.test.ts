import { randomStream } from '@spillway/core';
import { expect, test } from 'vitest';
import { cluster, podOf } from '../../testing/fixtures.ts';
import { OffloadedEntries } from './entries.ts';
import { homeDefaults as config } from '../config.ts';

const lyon = cluster('lyon');
const random = randomStream(1, 'entries');

test('find › finds the pod that has the name now, though an earlier one’s guest is found after it', () => {
  const entries = new OffloadedEntries({ config, random, observe: undefined });
  const now = entries.adopt(podOf('db', { metadata: { uid: 'now' } }), lyon);
  const earlier = entries.adopt(podOf('db', { metadata: { uid: 'earlier' } }), lyon);
  earlier.homePodOn('gone');
  expect(entries.find('default', 'db')).toBe(now);
  // Its guest is gone by now.
  earlier.on('arrived');
  earlier.on('deleted');
  entries.forget(earlier);
  expect(entries.find('default', 'db')).toBe(now);
});

test('find › finds one whose guest is still ending when no other has the name', () => {
  const entries = new OffloadedEntries({ config, random, observe: undefined });
  const earlier = entries.adopt(podOf('db'), lyon);
  earlier.homePodOn('gone');
  expect(entries.find('default', 'db')).toBe(earlier);
});
