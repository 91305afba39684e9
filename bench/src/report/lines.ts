/** The rows of a summary, for people. */
import { styleText } from 'node:util';
import type { Quantiles } from '../observation/quantiles.ts';
import type { AuditFigures, RttFigures } from './figures.ts';

export function line(what: string, found: string): string {
  return `  ${what.padEnd(28)} ${found}`;
}

/** What there is nothing to say of. */
export const nothing = '–';

export function latencyLine(quantiles: Quantiles | null, pods: number): string {
  return line('creation to shadow bound', quantiles === null ? nothing : spread(quantiles, pods));
}

function spread({ p50, p99, max }: Quantiles, pods: number): string {
  return `${p50} ms at the median, ${p99} ms at P99, ${max} ms at most (${pods} pods)`;
}

export function rttLine(rtt: RttFigures | null): string {
  const found = rtt && `${rtt.mean} ms, best possible ${rtt.best} ms (weighted by CPU)`;
  return line('mean RTT of what went away', found ?? nothing);
}

export function milliseconds(ms: number | undefined): string {
  return ms === undefined ? nothing : `${ms} ms`;
}

export function auditLine(audit: AuditFigures): string {
  const { podsChecked, lost, doubled, overcommittedNodes, orphans } = audit;
  const faults = lost + doubled + overcommittedNodes + orphans;
  const text = `${lost} lost, ${doubled} doubled, ${overcommittedNodes} nodes overcommitted, ${orphans} orphans among ${podsChecked} pods`;
  const found = Object.values(audit.findings ?? {}).flatMap((findings) =>
    findings.map(({ cluster, pod, what }) => `    ${cluster} ${pod} ${what}`),
  );
  return [
    line('audit', faults === 0 ? styleText('green', text) : styleText('red', text)),
    ...found,
  ].join('\n');
}

export function memoryLine({ idle, peak }: { idle: number; peak: number }): string {
  return line('memory of an agent', `${idle} MB idle, ${peak} MB at most`);
}

export function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(1)} %`;
}
