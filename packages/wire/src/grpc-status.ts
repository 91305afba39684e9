/** Faults as gRPC status codes and back: the one place where the two meet. */
import { status, type ServiceError, type StatusObject } from '@grpc/grpc-js';
import { Fault, type FaultCode, isFault } from '@spillway/core';

const statusOfFault: Readonly<Record<FaultCode, status>> = {
  InvalidId: status.INVALID_ARGUMENT,
  InvalidQuantity: status.INVALID_ARGUMENT,
  InvalidInput: status.INVALID_ARGUMENT,
  InvalidConfig: status.FAILED_PRECONDITION,
  NotAMember: status.UNAUTHENTICATED,
  PermissionDenied: status.PERMISSION_DENIED,
  NotFound: status.NOT_FOUND,
  Conflict: status.ABORTED,
  ResourceExhausted: status.RESOURCE_EXHAUSTED,
  Unavailable: status.UNAVAILABLE,
  DeadlineExceeded: status.DEADLINE_EXCEEDED,
  Unimplemented: status.UNIMPLEMENTED,
  Cancelled: status.CANCELLED,
  Internal: status.INTERNAL,
};

const faultOfStatus = new Map<status, FaultCode>([
  [status.INVALID_ARGUMENT, 'InvalidInput'],
  [status.FAILED_PRECONDITION, 'InvalidConfig'],
  [status.UNAUTHENTICATED, 'NotAMember'],
  [status.PERMISSION_DENIED, 'PermissionDenied'],
  [status.NOT_FOUND, 'NotFound'],
  [status.ABORTED, 'Conflict'],
  [status.RESOURCE_EXHAUSTED, 'ResourceExhausted'],
  [status.UNAVAILABLE, 'Unavailable'],
  [status.DEADLINE_EXCEEDED, 'DeadlineExceeded'],
  [status.UNIMPLEMENTED, 'Unimplemented'],
  [status.CANCELLED, 'Cancelled'],
]);

/** What a server answers. Errors that are no faults say nothing of our insides. */
export function toStatus(error: unknown): Pick<StatusObject, 'code' | 'details'> {
  if (!isFault(error)) return { code: status.INTERNAL, details: 'internal error' };
  return { code: statusOfFault[error.code], details: error.message };
}

/** What a client throws. A status that has no fault of its own is `Internal`. */
export function toFault(error: unknown): Fault {
  if (isFault(error)) return error;
  const { code, details, message } = error as Partial<ServiceError>;
  const fault = (code !== undefined && faultOfStatus.get(code)) || 'Internal';
  return new Fault(fault, details || message || 'call failed', { cause: error });
}
