import type { Taint, Toleration } from '@spillway/core';
import { describe, expect, test } from 'vitest';
import { tolerates, untoleratedTaint } from './selectors.ts';

const taint: Taint = { key: 'load', value: '7', effect: 'NoSchedule' };

describe('tolerates', () => {
  test.each<[string, Toleration]>([
    ['Exists', { key: 'load', operator: 'Exists' }],
    ['Exists without a key', { operator: 'Exists' }],
    ['Equal', { key: 'load', operator: 'Equal', value: '7' }],
    ['no operator, which means Equal', { key: 'load', value: '7', effect: 'NoSchedule' }],
  ])('%s that matches', (_, toleration) => {
    expect(tolerates(toleration, taint)).toBe(true);
  });

  test.each<[string, Toleration]>([
    ['another value', { key: 'load', operator: 'Equal', value: '8' }],
    ['another key', { key: 'heat', operator: 'Exists' }],
    ['another effect', { key: 'load', operator: 'Exists', effect: 'NoExecute' }],
    // Alpha since 1.35, and true of numbers where the feature gate is on.
    ['Gt', { key: 'load', operator: 'Gt', value: '5' }],
    ['Lt', { key: 'load', operator: 'Lt', value: '9' }],
    ['an operator that nobody knows yet', { key: 'load', operator: 'Near', value: '7' }],
  ])('not %s', (_, toleration) => {
    expect(tolerates(toleration, taint)).toBe(false);
    expect(untoleratedTaint([taint], [toleration])).toBe(taint);
  });
});
