import { status } from '@grpc/grpc-js';
import { Fault, type FaultCode, isFault } from '@spillway/core';
import { expect, test } from 'vitest';
import { toFault, toStatus } from './grpc-status.ts';

test.each<FaultCode>([
  'InvalidInput',
  'NotAMember',
  'PermissionDenied',
  'NotFound',
  'Conflict',
  'ResourceExhausted',
  'Unavailable',
  'DeadlineExceeded',
  'Unimplemented',
  'Cancelled',
  'Internal',
])('%s arrives as it was sent', (code) => {
  const { code: sent, details } = toStatus(new Fault(code, 'what was wrong'));
  const received = toFault(Object.assign(new Error('call failed'), { code: sent, details }));
  expect([received.code, received.message]).toEqual([code, 'what was wrong']);
});

test('an error that is no fault says nothing of our insides', () => {
  expect(toStatus(new TypeError('cannot read secret of undefined'))).toEqual({
    code: status.INTERNAL,
    details: 'internal error',
  });
});

test('a status that no fault stands for is Internal', () => {
  expect(isFault(toFault({ code: status.DATA_LOSS, details: 'gone' }), 'Internal')).toBe(true);
});
