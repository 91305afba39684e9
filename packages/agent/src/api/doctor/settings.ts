/** Labels and annotations of ours that mean nothing as they are written. */
import type { Finding } from '../schemas/index.ts';
import type { AgentContext } from '../agent-context.ts';

/** More are counted. */
const shownMax = 50;

export function checkSettings({ settings }: Pick<AgentContext, 'settings'>): readonly Finding[] {
  const found = settings.found();
  if (found.length === 0) {
    const message = 'every label and annotation of Spillway has an effect';
    return [{ check: 'settings', severity: 'ok', subject: 'namespaces and pods', message }];
  }
  const findings = found.slice(0, shownMax).map(({ owner, namespace, name, problems }): Finding => {
    const [kind, scope] = owner === 'Pod' ? ['pod', `-n ${namespace} `] : ['namespace', ''];
    return {
      check: 'settings',
      severity: 'warning',
      subject: owner === 'Pod' ? `pod ${namespace}/${name}` : `namespace ${name}`,
      message: problems.join('; '),
      remedy: `kubectl ${scope}edit ${kind} ${name}`,
    };
  });
  const rest = found.length - shownMax;
  if (rest <= 0) return findings;
  const message = `${rest} more pods and namespaces have such settings`;
  return [...findings, { check: 'settings', severity: 'warning', subject: 'cluster', message }];
}
