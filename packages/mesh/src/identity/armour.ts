/** Bytes as text for files, after RFC 7468 (PEM). */
import { Fault } from '@spillway/core';

export function toArmour(label: string, bytes: Uint8Array): string {
  const base64 = Buffer.from(bytes).toString('base64');
  const lines = base64.match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

/** @throws Fault `InvalidInput` when `text` holds no block of that label. */
export function fromArmour(label: string, text: string): Uint8Array {
  const begin = `-----BEGIN ${label}-----`;
  const end = `-----END ${label}-----`;
  const start = text.indexOf(begin);
  const stop = text.indexOf(end);
  if (start < 0 || stop < start) {
    const found = /-----BEGIN ([A-Z ]+)-----/.exec(text)?.[1];
    throw new Fault('InvalidInput', `expected a ${label}, found ${found ?? 'no armoured block'}`);
  }
  return Buffer.from(text.slice(start + begin.length, stop), 'base64');
}
