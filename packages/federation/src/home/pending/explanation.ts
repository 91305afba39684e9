/** Why pods wait, in words for their owner: the home's nodes by reason, then neighbour by neighbour. */
import type { ClusterName, MonotonicMs, Verdict } from '@spillway/core';
import type { Neighbour } from '../../membership/directory.ts';
import type { HomeEffect } from '../events.ts';
import type { PodState } from '../offloaded/states.ts';
import type { PendingGroup } from './pending-group.ts';
import type { PendingPod } from './pending-pod.ts';
import type { Why } from './reasons.ts';

export interface ExplanationContext {
  readonly now: MonotonicMs;
  readonly emit: (effect: HomeEffect) => void;
  readonly explainMsMin: number;
  readonly neighbours: readonly Neighbour[];
  /** Neighbours are nodes too, and not counted. */
  readonly homeNodes: number;
}

/** Tells every waiting pod of `group` why, unless it was told not long ago. */
export function explain(group: PendingGroup, why: Why, context: ExplanationContext): void {
  const message = explanationText(why, context);
  group.explanation = { message, home: why.home, neighbours: why.neighbours };
  for (const waiting of group.pods.values()) {
    const { told } = waiting;
    if (told !== undefined && context.now - told < context.explainMsMin) continue;
    waiting.told = context.now;
    context.emit({
      kind: 'explain',
      ref: waiting.ref,
      message,
      condition: group.eligibility === 'named',
    });
  }
}

/** The same for a command that asks. */
export interface Explained {
  readonly podState: PodState;
  readonly message: string;
  readonly home: readonly Verdict[];
  readonly neighbours: Readonly<Record<string, string>>;
  readonly policy: { readonly text: string; readonly source: string };
}

export function explained(group: PendingGroup, { life }: PendingPod): Explained {
  const { message = 'being decided', home = [], neighbours } = group.explanation ?? {};
  const { text, source } = group.policyFor;
  return {
    podState: life.state,
    message,
    home,
    neighbours: Object.fromEntries(neighbours ?? []),
    policy: { text, source },
  };
}

function explanationText(why: Why, context: ExplanationContext): string {
  if (why.problem !== undefined) return why.problem;
  const sentences: string[] = [];
  if (why.home.length > 0) sentences.push(homeText(why.home, context.homeNodes));
  if (why.stays?.length) {
    sentences.push(`Stays at home: ${why.stays.map((verdict) => verdict.reason).join('; ')}.`);
  } else if (context.neighbours.length === 0) {
    sentences.push('No neighbours are known yet.');
  } else {
    sentences.push(neighboursText(why.neighbours, context.neighbours));
  }
  return sentences.join(' ');
}

function homeText(home: Why['home'], nodes: number): string {
  const reasons = home.map((verdict) =>
    'nodes' in verdict ? `${verdict.nodes} ${verdict.reason}` : verdict.reason,
  );
  return `0/${nodes} nodes are available at home: ${reasons.join(', ')}.`;
}

function neighboursText(
  reasons: ReadonlyMap<ClusterName, string>,
  neighbours: readonly Neighbour[],
): string {
  const each = neighbours.map(
    ({ cluster }) => `${cluster}: ${reasons.get(cluster) ?? 'not asked'}`,
  );
  return `0/${neighbours.length} neighbours have room: ${each.join('; ')}.`;
}
