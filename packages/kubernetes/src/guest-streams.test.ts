import { podUid } from '@spillway/core';
import type { PodStreamRequest } from '@spillway/federation';
import { describe, expect, test } from 'vitest';
import { refusalOf, subresourcePath } from './guest-streams.ts';

const exec: PodStreamRequest = {
  uid: podUid('u'),
  kind: 'exec',
  container: 'main',
  parameters: [
    ['stdin', 'true'],
    ['command', 'sh'],
    ['command', 'a b&c=d'],
  ],
  upgrade: 'SPDY/3.1',
  headers: [],
};
const guest = { namespace: 'spillway-paris-shop', name: 'web-1' };

describe('the path of a subresource', () => {
  test('has every parameter as it was given, repeated ones too', () => {
    expect(subresourcePath(guest, exec)).toBe(
      '/api/v1/namespaces/spillway-paris-shop/pods/web-1/exec?stdin=true&command=sh&command=a+b%26c%3Dd&container=main',
    );
  });

  test('names no container where the subresource takes none, or none was named', () => {
    const forward = { ...exec, kind: 'portforward', parameters: [] } as const;
    expect(subresourcePath(guest, forward)).toMatch(/web-1\/portforward$/);
    const log = { ...exec, kind: 'log', container: '', parameters: [] } as const;
    expect(subresourcePath(guest, log)).toMatch(/web-1\/log$/);
  });

  test('leads to no other object', () => {
    expect(() => subresourcePath({ ...guest, name: '../secrets/x' }, exec)).toThrow('not the name');
  });
});

describe('what a host’s API server refuses', () => {
  test('is said in its words, with its status', () => {
    const status = JSON.stringify({ kind: 'Status', message: 'container x is not valid' });
    expect(refusalOf(400, status)).toEqual({
      status: 400,
      headers: [],
      message: 'container x is not valid',
    });
    expect(refusalOf(500, 'plain\n').message).toBe('plain');
  });

  test.each([401, 403, 200, 302])('is no %i for the one who asks at home', (status) => {
    expect(refusalOf(status, 'x').status).toBe(502);
  });
});
