import { Fault } from '@spillway/core';
import { describe, expect, it } from 'vitest';
import { faultOfError, faultOfResponse, inWords } from './api-fault.ts';

const what = 'POST /api/v1/namespaces/spillway-paris-shop/pods';
const quota = 'pods "web" is forbidden: exceeded quota: guests';

function answered(status: number, text: string) {
  return faultOfResponse({ status, text, what });
}

describe('inWords', () => {
  it.each([
    [answered(403, JSON.stringify({ message: quota, reason: 'Forbidden' })), quota],
    [answered(422, JSON.stringify({ message: 'Pod "x" is invalid' })), 'Pod "x" is invalid'],
    [answered(503, 'no healthy upstream'), 'its API server is not well (503): no healthy upstream'],
    [answered(502, ''), 'its API server is not well (502): status 502'],
    [faultOfError(new Error('connect ECONNREFUSED'), what), 'its API server does not answer'],
    [new Fault('DeadlineExceeded', what), 'its API server does not answer'],
    [new TypeError('x'), 'its agent failed; see its log'],
  ])('%s', (error, words) => {
    expect(inWords(error)).toBe(words);
  });
});
