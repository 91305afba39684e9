/** Bytes as text for files, after RFC 7468 (PEM). */
import { Fault } from '@spillway/core';

export function toArmour(label: string, bytes: Uint8Array): string {
  const base64 = Buffer.from(bytes).toString('base64');
  const lines = base64.match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

/** @throws Fault `InvalidInput` when `text` holds no whole block of that label, or more than one. */
export function fromArmour(label: string, text: string): Uint8Array {
  const begin = `-----BEGIN ${label}-----`;
  const end = `-----END ${label}-----`;
  const start = text.indexOf(begin);
  const stop = text.indexOf(end, start);
  if (start < 0 || stop < 0) {
    const found = /-----BEGIN ([A-Z ]{1,64})-----/.exec(text)?.[1];
    const what = found === label ? 'one without its end' : (found ?? 'no armoured block');
    throw new Fault('InvalidInput', `expected a ${label}, found ${what}`);
  }
  if (text.includes(begin, stop))
    throw new Fault('InvalidInput', `expected one ${label}, found more than one`);
  const base64 = text.slice(start + begin.length, stop).replaceAll(/[\t\n\r ]/g, '');
  const bytes = Buffer.from(base64, 'base64');
  // Buffer skips what is no base64: a damaged file would become another key.
  if (bytes.length === 0 || bytes.toString('base64') !== base64)
    throw new Fault('InvalidInput', `${label}: its text is damaged, it is not base64`);
  return bytes;
}
