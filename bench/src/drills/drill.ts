/** What every drill gives, and how it ends. */
import type { Quantiles } from '../observation/quantiles.ts';
import type { AuditFigures, RttFigures } from '../report/figures.ts';
import type { DrillOptions } from './options.ts';

export interface DrillFigures {
  /** Of the burst: pods without a node / pods; `isolated`: at the same full home without Spillway. */
  readonly pendingRatio: { readonly spillway: number; readonly isolated: number };
  /** Null when nothing got a node. */
  readonly createdToBoundMs: Quantiles | null;
  readonly offloadsPerSecond: number;
  /** Of the same burst at an empty cluster. */
  readonly kubeSchedulerBindsPerSecond: number;
  /** Null when nothing was away. */
  readonly offloadRttMs: RttFigures | null;
  readonly audit: AuditFigures;
  readonly agentRssMb: { readonly idle: number; readonly peak: number };
}

export interface DrillReport<Figures extends { readonly audit: AuditFigures } = DrillFigures> {
  readonly figures: Figures;
  /** What should have held and did not, beside the audit; empty when all did. */
  readonly failures: readonly string[];
  /** The summary for people. */
  readonly text: string;
}

export type Drill<Figures extends { readonly audit: AuditFigures } = DrillFigures> = (
  options: DrillOptions,
  say: (text: string) => void,
) => Promise<DrillReport<Figures>>;
