import { describe, expect, test } from 'vitest';
import { askedOf } from './asked.ts';

const spdy = { upgrade: ['SPDY/3.1'], 'x-stream-protocol-version': ['v4.channel.k8s.io', 'v5'] };

function asked(method: string, url: string, headers = {}) {
  return askedOf({ method, url, headers });
}

describe('a path of the kubelet', () => {
  test('asks for a log, with the API’s own parameters', () => {
    const url =
      '/containerLogs/shop/web-1/main?follow=true&tailLines=3&sinceTime=2026-12-01T00%3A00%3A00Z';
    expect(asked('GET', url)).toEqual({
      kind: 'stream',
      namespace: 'shop',
      pod: 'web-1',
      uid: '',
      stream: {
        kind: 'log',
        container: 'main',
        upgrade: undefined,
        headers: [],
        parameters: [
          ['follow', 'true'],
          ['sinceTime', '2026-12-01T00:00:00Z'],
          ['tailLines', '3'],
        ],
      },
    });
  });

  test('asks for a command by the kubelet’s names of its streams, and they become the API’s', () => {
    const url = '/exec/shop/web-1/main?command=sh&command=-c&command=a%20b&input=1&output=1&tty=1';
    expect(asked('POST', url, spdy)).toMatchObject({
      uid: '',
      stream: {
        kind: 'exec',
        container: 'main',
        upgrade: 'SPDY/3.1',
        headers: [
          ['x-stream-protocol-version', 'v4.channel.k8s.io'],
          ['x-stream-protocol-version', 'v5'],
        ],
        parameters: [
          ['stdin', 'true'],
          ['stdout', 'true'],
          ['tty', 'true'],
          ['command', 'sh'],
          ['command', '-c'],
          ['command', 'a b'],
        ],
      },
    });
  });

  test('may name the UID before the container, and after the pod of a port-forward', () => {
    expect(asked('POST', '/attach/shop/web-1/uid-7/main?error=1', spdy)).toMatchObject({
      uid: 'uid-7',
      stream: { kind: 'attach', container: 'main', parameters: [['stderr', 'true']] },
    });
    expect(asked('POST', '/portForward/shop/web-1/uid-7?port=80,81', spdy)).toMatchObject({
      uid: 'uid-7',
      stream: {
        kind: 'portforward',
        container: '',
        parameters: [
          ['ports', '80'],
          ['ports', '81'],
        ],
      },
    });
  });

  test('asks for health', () => {
    expect(asked('GET', '/healthz')).toEqual({ kind: 'health' });
  });

  test.each([
    ['GET', '/', 404],
    ['GET', '/pods', 404],
    ['GET', '/logs/', 404],
    ['GET', '/metrics/resource', 404],
    ['POST', '/run/shop/web-1/main', 404],
    ['GET', '/containerLogs/shop/web-1', 404],
    ['GET', '/containerLogs/shop/web-1/uid-7/main', 404],
    ['GET', '/exec/shop/web-1', 404],
    ['GET', '/containerLogs/shop/%ff/main', 400],
    ['POST', '/containerLogs/shop/web-1/main', 405],
    ['DELETE', '/exec/shop/web-1/main', 405],
    ['POST', '/exec/shop/web-1/main', 400],
  ])('%s %s is refused: %i', (method, url, status) => {
    expect(asked(method, url)).toMatchObject({ kind: 'refused', status });
  });
});

test('a credential never travels to the host', () => {
  const headers = {
    upgrade: ['websocket'],
    authorization: ['Bearer secret'],
    cookie: ['secret'],
    'sec-websocket-key': ['a2V5'],
    'sec-websocket-protocol': ['base64url.bearer.authorization.k8s.io.c2VjcmV0, v4.channel.k8s.io'],
  };
  expect(asked('GET', '/exec/shop/web-1/main?command=ls', headers)).toMatchObject({
    stream: {
      upgrade: 'websocket',
      headers: [
        ['sec-websocket-key', 'a2V5'],
        ['sec-websocket-protocol', 'v4.channel.k8s.io'],
      ],
    },
  });
});
