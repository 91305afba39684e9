/**
 * Faults are what goes wrong; refusals that are part of the game are values (see verdict.ts).
 * A fault has a stable code, so that callers branch on it and never on its words.
 */

/** Each code's doc says what the caller does next. */
export type FaultCode =
  /** An identifier breaks its syntax. Refuse the input; do not retry. */
  | 'InvalidId'
  /** A quantity is not what `resource.Quantity` accepts. Refuse the input; do not retry. */
  | 'InvalidQuantity'
  /** A message or object is malformed or breaks a bound. Drop it, count it; do not retry. */
  | 'InvalidInput'
  /** Configuration is wrong. Print it and stop; a person must mend it. */
  | 'InvalidConfig'
  /** The other side proved no membership. Refuse the peer; do not retry before it is admitted. */
  | 'NotAMember'
  /** The caller may not do that. Do not retry; tell a person which right is missing. */
  | 'PermissionDenied'
  /** What was named does not exist. On a deletion that is success. */
  | 'NotFound'
  /** The object changed or exists already. Read it again, then decide. */
  | 'Conflict'
  /** A bound was hit (rate, queue, size). Retry after a back-off. */
  | 'ResourceExhausted'
  /** The other side could not be reached. Retry with back-off; it says nothing about its state. */
  | 'Unavailable'
  /** No answer in time. The call may have taken effect: retry only what is idempotent. */
  | 'DeadlineExceeded'
  /** The other side is older and has no such method. Do without it. */
  | 'Unimplemented'
  /** The caller gave up. Nothing to do. */
  | 'Cancelled'
  /** An invariant broke: a bug of ours. Report it; the operation is abandoned. */
  | 'Internal';

export class Fault extends Error {
  override readonly name = 'Fault';
  readonly code: FaultCode;

  constructor(code: FaultCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

export function isFault(error: unknown, code?: FaultCode): error is Fault {
  return error instanceof Fault && (code === undefined || error.code === code);
}
