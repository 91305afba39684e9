/** Neighbours that get nothing new, or not everything, because of what people have put on their virtual node. */
import { virtualNodeName } from '@spillway/core';
import type { Finding } from '../schemas/index.ts';
import type { AgentContext } from '../agent-context.ts';

export function checkMarks({ neighbours }: Pick<AgentContext, 'neighbours'>): readonly Finding[] {
  return neighbours.neighbours().flatMap(({ cluster, marks }): readonly Finding[] => {
    const node = virtualNodeName(cluster);
    const finding = { check: 'marks', severity: 'info', subject: node } as const;
    const cordon = {
      ...finding,
      message: 'is cordoned: this cluster sends no new pods there',
      remedy: `kubectl uncordon ${node}, when it may get pods again`,
    };
    const taints = (marks?.taints ?? []).map(({ key, effect }) => ({
      ...finding,
      message: `has taint ${key}:${effect}: this cluster sends no pods there that do not tolerate it`,
      remedy: `kubectl taint node ${node} ${key}:${effect}-, when it may get them again`,
    }));
    return marks?.cordoned ? [cordon, ...taints] : taints;
  });
}
