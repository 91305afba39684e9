/**
 * Compares who binds at a host. In turns on one test bed, a burst goes to a host whose agent creates guests
 * bound, and to one whose own scheduler binds them. Each burst comes twice: to a quiet host, and to one
 * whose own pods arrive at the same moment and want the same room.
 */
import { createdToBoundMs, perSecond } from '../observation/placements.ts';
import { type AuditFigures, idleRssMb, peakRssMb, tenths } from '../report/figures.ts';
import { auditLine, latencyLine, line, memoryLine } from '../report/lines.ts';
import { type Binder, binders, BindingTrial, type Round } from './binding-trial.ts';
import type { Drill } from './drill.ts';

interface BinderFigures {
  readonly createdToBoundMs: ReturnType<typeof createdToBoundMs>;
  readonly placed: number;
  readonly offloadsPerSecond: number;
  readonly contested: {
    readonly createdToBoundMs: ReturnType<typeof createdToBoundMs>;
    readonly placed: number;
    readonly failed: number;
    /** Bindings, of guests or of own pods, that put a node above its allocatable. */
    readonly overcommits: number;
  };
}

export interface BindingFigures {
  readonly rounds: number;
  readonly pods: number;
  readonly binders: Readonly<Record<Binder, BinderFigures>>;
  readonly audit: AuditFigures;
  readonly agentRssMb: { readonly idle: number; readonly peak: number };
}

export const binding: Drill<BindingFigures> = async ({ pods, rounds, kubernetes }, say) => {
  const trial = await BindingTrial.start({ pods, kubernetes, say });
  try {
    const idle = idleRssMb(trial.federation);
    const done: Record<Binder, Round[]> = { agent: [], scheduler: [] };
    for (let i = 0; i < rounds; i++) {
      say(`Round ${i + 1} of ${rounds}`);
      // The order changes, so that neither is always the first on a test bed that has just rested.
      for (const binder of i % 2 === 0 ? binders : binders.toReversed()) {
        done[binder].push(await trial.round(binder, i));
      }
    }
    const figures: BindingFigures = {
      rounds,
      pods,
      binders: {
        agent: figuresOf(done.agent, trial.overcommits('agent')),
        scheduler: figuresOf(done.scheduler, trial.overcommits('scheduler')),
      },
      audit: trial.audit(),
      agentRssMb: { idle, peak: peakRssMb(trial.federation) },
    };
    const text = [
      ...binders.map((binder) => linesOf(binder, figures.binders[binder])),
      auditLine(figures.audit),
      memoryLine(figures.agentRssMb),
    ].join('\n');
    return { figures, failures: [], text };
  } finally {
    await trial.stop();
  }
};

function figuresOf(rounds: readonly Round[], overcommits: number): BinderFigures {
  const contested = rounds.flatMap((round) => round.contested);
  const calm = rounds.flatMap((round) => round.calm);
  const rates = rounds.map((round) => perSecond(round.calm));
  return {
    createdToBoundMs: createdToBoundMs(calm),
    placed: calm.length,
    offloadsPerSecond: tenths(rates.reduce((sum, rate) => sum + rate, 0) / rates.length),
    contested: {
      createdToBoundMs: createdToBoundMs(contested),
      placed: contested.length,
      failed: rounds.reduce((sum, { failed }) => sum + failed, 0),
      overcommits,
    },
  };
}

function linesOf(binder: Binder, figures: BinderFigures): string {
  const { contested } = figures;
  return [
    binder === 'agent' ? '  the agent creates guests bound' : '  the host’s scheduler binds them',
    latencyLine(figures.createdToBoundMs, figures.placed),
    line('offloads', `${figures.offloadsPerSecond} a second`),
    '  while own pods of the host arrive',
    latencyLine(contested.createdToBoundMs, contested.placed),
    line('pods that failed', `${contested.failed}`),
    line('bindings above allocatable', `${contested.overcommits}`),
  ].join('\n');
}
