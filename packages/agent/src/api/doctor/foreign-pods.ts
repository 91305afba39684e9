/** Pods that something other than Spillway has bound to a virtual node: one finding for each controller. */
import { virtualNodeName, wellKnown } from '@spillway/core';
import type { ForeignPod } from '@spillway/federation';
import type { Finding } from '../schemas/index.ts';
import type { AgentContext } from '../agent-context.ts';

/** Controllers and bare pods named; the others are counted. */
const namedMax = 20;

export function checkForeignPods({ home }: Pick<AgentContext, 'home'>): readonly Finding[] {
  const finding = { check: 'foreign-pods' as const };
  const groups = [...byController(home.foreign()).values()];
  if (groups.length === 0) {
    const message = 'every pod on a virtual node was bound by Spillway';
    return [{ ...finding, severity: 'ok', subject: 'pods', message }];
  }
  const named = groups.slice(0, namedMax).map((pods): Finding => {
    const [first] = pods;
    const namespace = first?.ref.namespace ?? '';
    const subject = `${namespace}/${first?.owner ?? first?.ref.name ?? ''}`;
    const nodes = [...new Set(pods.map(({ host }) => virtualNodeName(host)))].join(', ');
    return {
      ...finding,
      severity: 'warning',
      subject,
      message: `Spillway did not bind ${podsText(pods)} to ${nodes}. It is not known what did. Nothing of it was sent.`,
      remedy: `look for spec.nodeName, a toleration of ${wellKnown.virtualNodeTaint}, or another scheduler; then delete the failed pods. Keep admissionPolicies of the chart on`,
    };
  });
  const rest = groups.length - named.length;
  if (rest === 0) return named;
  const message = `${rest} more controllers and bare pods have pods that Spillway did not bind`;
  return [...named, { ...finding, severity: 'warning', subject: 'pods', message }];
}

function podsText(pods: readonly ForeignPod[]): string {
  const [first] = pods;
  const name = `pod ${first?.ref.namespace}/${first?.ref.name}`;
  return pods.length === 1 ? name : `${name} and ${pods.length - 1} more`;
}

function byController(pods: readonly ForeignPod[]): ReadonlyMap<string, readonly ForeignPod[]> {
  const groups = new Map<string, ForeignPod[]>();
  for (const pod of pods) {
    const key = `${pod.ref.namespace}/${pod.owner ?? pod.ref.uid}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [pod]);
    else group.push(pod);
  }
  return groups;
}
