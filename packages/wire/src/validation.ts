/** Checks of what came in from another cluster. Every one names the field it found wanting. */
import { Fault } from '@spillway/core';

export function invalid(field: string, expected: string): Fault {
  return new Fault('InvalidInput', `${field}: expected ${expected}`);
}

export function text(value: string, field: string, lengthMax: number): string {
  if (value.length > lengthMax) throw invalid(field, `at most ${lengthMax} characters`);
  return value;
}

/** An RFC 1123 label, such as a namespace: it becomes part of a path at the host's API server. */
export function label(value: string, field: string): string {
  if (value.length > 63 || !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(value)) {
    throw invalid(field, 'an RFC 1123 label');
  }
  return value;
}

export function count(value: number, field: string, max: number): number {
  if (!Number.isSafeInteger(value) || value < 0 || value > max) {
    throw invalid(field, `an integer from 0 to ${max}`);
  }
  return value;
}

/** The last instant that a `Date` can say, in ms since the Unix epoch. */
const timestampMsMax = 8_640_000_000_000_000;

/** Ms since the Unix epoch; people are shown it as a date. */
export function timestamp(value: number, field: string): number {
  return count(value, field, timestampMsMax);
}

export function list<T>(values: readonly T[], field: string, lengthMax: number): readonly T[] {
  if (values.length > lengthMax) throw invalid(field, `at most ${lengthMax} items`);
  return values;
}

export interface LabelBounds {
  readonly entriesMax: number;
  readonly keyMax: number;
  readonly valueMax: number;
}

export function labels(
  values: Readonly<Record<string, string>>,
  field: string,
  bounds: LabelBounds,
): Readonly<Record<string, string>> {
  const entries = Object.entries(values);
  if (entries.length > bounds.entriesMax) {
    throw invalid(field, `at most ${bounds.entriesMax} entries`);
  }
  for (const [key, value] of entries) {
    text(key, field, bounds.keyMax);
    text(value, field, bounds.valueMax);
  }
  return values;
}

export function required<T>(value: T | undefined, field: string): T {
  if (value === undefined) throw invalid(field, 'to be present');
  return value;
}

/** Parses JSON that must be an object. */
export function jsonObject(bytes: Uint8Array, field: string, bytesMax: number): object {
  if (bytes.length > bytesMax) throw invalid(field, `at most ${bytesMax} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (error) {
    throw new Fault('InvalidInput', `${field}: expected JSON`, { cause: error });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(field, 'a JSON object');
  }
  return value;
}

/** Runs a protobuf decoder, which throws errors of many kinds on bad bytes. */
export function decoded<T>(what: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    throw new Fault('InvalidInput', `${what}: not a valid message`, { cause: error });
  }
}
