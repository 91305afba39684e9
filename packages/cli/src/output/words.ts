/** Durations, sizes and counts as people read them. */
import { styleText } from 'node:util';

/** `3s`, `4m`, `5h`, `6d`: as kubectl's AGE. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 2 * 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}

export function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)}Gi`;
}

export function cpus(milli: number): string {
  return (milli / 1000).toFixed(1);
}

/** `paris 3, lyon 1`, the most first; `none`. */
export function countsText(counts: Readonly<Record<string, number>>): string {
  const some = Object.entries(counts).filter(([, count]) => count > 0);
  some.sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  return some.map(([name, count]) => `${name} ${count}`).join(', ') || 'none';
}

/** `4 x 500m/512Mi or 2 x 1/1Gi`: each alone, not all together; `none`. */
export function roomText(room: Readonly<Record<string, number>>): string {
  const some = Object.entries(room).filter(([, count]) => count > 0);
  return some.map(([size, count]) => `${count} x ${size}`).join(' or ') || 'none';
}

export function rtt(ms: number, measured = true): string {
  return `${measured ? '' : '~'}${ms < 10 ? ms.toFixed(1) : ms.toFixed(0)}ms`;
}

const livenessColours = {
  alive: 'green',
  suspect: 'yellow',
  gone: 'red',
  revoked: 'red',
} as const;

export function livenessText(liveness: keyof typeof livenessColours): string {
  return styleText(livenessColours[liveness], liveness);
}

/** A bar of `width` for a share from 0 to 1. */
export function bar(share: number, width = 12): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * width);
  return `${'█'.repeat(filled)}${'░'.repeat(width - filled)}`;
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
