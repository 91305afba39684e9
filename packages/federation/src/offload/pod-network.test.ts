import { expect, test } from 'vitest';
import { podNetworksJoined } from './pod-network.ts';

test('pod networks are joined when both certificates name the same one, and only then', () => {
  const a = { 'pod-network': 'a' };
  expect(podNetworksJoined(a, { 'pod-network': 'a', region: 'eu' })).toBe(true);
  expect(podNetworksJoined(a, { 'pod-network': 'b' })).toBe(false);
  expect(podNetworksJoined(a, {})).toBe(false);
  expect(podNetworksJoined({}, {})).toBe(false);
  expect(podNetworksJoined({ 'pod-network': '' }, { 'pod-network': '' })).toBe(false);
});

test('a neighbour of which nothing is known yet may be joined', () => {
  expect(podNetworksJoined({ 'pod-network': 'a' }, undefined)).toBeUndefined();
  expect(podNetworksJoined({}, undefined)).toBe(false);
});
