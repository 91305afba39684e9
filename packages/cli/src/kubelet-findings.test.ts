import { describe, expect, test } from 'vitest';
import { kubeletFinding } from './kubelet-findings.ts';

const node = 'spillway-lyon';
const status = (message: string): string => JSON.stringify({ kind: 'Status', message });

describe('the kubelet of a virtual node', () => {
  test('is fine when it answers', () => {
    expect(kubeletFinding(node, { status: 200, text: 'ok\n' })).toMatchObject({
      check: 'kubelet',
      severity: 'ok',
      subject: node,
    });
  });

  test('is not checked for a user who may not ask', () => {
    const text = status(
      'nodes "spillway-lyon" is forbidden: User "eve" cannot get resource "nodes/proxy"',
    );
    expect(kubeletFinding(node, { status: 403, text }).severity).toBe('info');
  });

  test('is a warning when the API server cannot reach it, and says what it needs', () => {
    const text = status('error trying to reach service: dial tcp 10.0.0.7:10250: i/o timeout');
    const found = kubeletFinding(node, { status: 503, text });
    expect(found.severity).toBe('warning');
    expect(found.message).toContain('i/o timeout');
    expect(found.remedy).toContain('port 10250');
  });

  test.each([
    [401, 'Unauthorized\n'],
    [
      403,
      'Forbidden (user=kube-apiserver, verb=get, resource=nodes, subresource(s)=[healthz proxy])',
    ],
  ])('that refuses the API server with %i asks for its certificate and role', (code, text) => {
    const found = kubeletFinding(node, { status: code, text });
    expect(found.severity).toBe('warning');
    expect(found.remedy).toContain('system:kubelet-api-admin');
  });
});
