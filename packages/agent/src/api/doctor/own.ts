/** What the agent sees of itself: its caches, certificates, custom resources. */
import type { Finding } from '../schemas/index.ts';
import type { AgentContext } from '../agent-context.ts';

const dayMs = 86_400_000;
/** Time to admit a cluster again, which takes a person with the root key. */
const renewMs = 30 * dayMs;
const hurryMs = 3 * dayMs;

export function checkSelf({
  synced,
  mesh,
  recorder,
  host,
  clock,
}: AgentContext): readonly Finding[] {
  const findings: Finding[] = [];
  const found = (severity: Finding['severity'], message: string, remedy?: string): void => {
    findings.push({
      check: 'agent',
      severity,
      subject: 'agent',
      message,
      ...(remedy !== undefined && { remedy }),
    });
  };
  if (synced()) found('ok', 'its caches are synced');
  else {
    found(
      'error',
      'its caches are not synced yet: it decides nothing',
      'wait. If this does not change, look for missing rights and read the agent’s log',
    );
  }
  const scheduler = host.silentScheduler(clock.monotonicMs());
  if (scheduler !== undefined) {
    found(
      'warning',
      `the scheduler ${scheduler} has left a guest unbound: for some seconds this cluster grants no room`,
      `look whether ${scheduler} runs. If this cluster has another scheduler, name it in host.scheduler`,
    );
  }
  const strangers = Object.entries(mesh.refusals());
  if (strangers.length > 0) {
    const counts = strangers.map(([reason, count]) => `${reason} (${count})`).join(', ');
    found(
      'info',
      `it has refused since it started: ${counts}`,
      'nothing to do, unless one of them should be a member: admit it again',
    );
  }
  if (recorder.dropped > 0)
    found(
      'info',
      `${recorder.dropped} Kubernetes events were not written: the API server was busy`,
    );
  return findings;
}

/** Ours, and those of the neighbours that we are connected with. */
export function checkCertificates({ mesh, clock, options }: AgentContext): readonly Finding[] {
  const now = clock.wallMs();
  return [mesh.member, ...mesh.connected()].map(({ cluster, expiresMs }): Finding => {
    const leftMs = expiresMs - now;
    const own = cluster === options.cluster;
    const days = Math.floor(leftMs / dayMs);
    const left = days > 0 ? `${days} days` : `${Math.floor(leftMs / 3_600_000)} hours`;
    const finding = { check: 'certificates' as const, subject: cluster };
    if (leftMs > renewMs) return { ...finding, severity: 'ok', message: `valid for ${left}` };
    return {
      ...finding,
      severity: leftMs > hurryMs ? 'info' : leftMs > 0 ? 'warning' : 'error',
      message: leftMs > 0 ? `expires in ${left}` : 'has expired: no cluster talks to it any more',
      remedy: `spillway federation admit --cluster ${cluster} … with the root key${own ? ', then replace membership.cert in the agents’ Secret' : ', and give it to the operator of that cluster'}`,
    };
  });
}

export function checkResources({ resources }: AgentContext): readonly Finding[] {
  const { served } = resources;
  const finding = { check: 'crds' as const, subject: 'spillway.dev/v1alpha1' };
  if (served === undefined)
    return [{ ...finding, severity: 'warning', message: 'the agent could not check them yet' }];
  if (served.length > 0)
    return [{ ...finding, severity: 'ok', message: `served: ${served.join(', ')}` }];
  return [
    {
      ...finding,
      severity: 'info',
      message:
        'no custom resources are served: everything works except kubectl get neighbours and OffloadPolicies',
      remedy: 'install the CRDs of the chart',
    },
  ];
}
