/** Which policy is in force: in the federation, in a namespace, for a pod; each with where it comes from. */
import { Fault, type Pod, wellKnown } from '@spillway/core';
import type { NamespaceFacts } from '@spillway/federation';
import type { PolicyEntry } from './schemas/index.ts';
import type { ApiRequest } from './api-request.ts';
import type { AgentContext } from './agent-context.ts';

const nothing: NamespaceFacts = { offload: false, annotations: {} };

/** All that differ from the federation's, or one. @throws Fault `NotFound` */
export async function policyEntries(
  agent: AgentContext,
  { query }: ApiRequest,
): Promise<readonly PolicyEntry[]> {
  const [namespace, name] = [query.get('namespace'), query.get('pod')];
  if (namespace === null) return listed(agent);
  if (name === null) return ofNamespace(agent, namespace);
  const pod = await agent.pods.getPod(namespace, name);
  if (pod === undefined) throw new Fault('NotFound', `no pod ${name} in namespace ${namespace}`);
  return [{ ...entry(agent, pod), scope: 'pod', namespace, pod: name }];
}

function listed(agent: AgentContext): readonly PolicyEntry[] {
  const told = [...agent.home.namespaces()].filter(
    ([, { offload, annotations }]) =>
      offload || annotations[wellKnown.policyAnnotation] !== undefined,
  );
  const names = new Set([...told.map(([name]) => name), ...agent.policies.namespaces()]);
  const { policy, source } = entry(agent, emptyPod(''));
  return [
    { scope: 'federation', offload: false, policy, source },
    ...[...names].sort().flatMap((name) => ofNamespace(agent, name)),
  ];
}

/** What holds for its pods, but for those that an OffloadPolicy selects. */
function ofNamespace(agent: AgentContext, namespace: string): readonly PolicyEntry[] {
  const all = entry(agent, emptyPod(namespace));
  const selective = agent.policies
    .reports(namespace)
    .filter(({ object, reason }) => object.spec.podSelector && reason !== 'Shadowed');
  return [
    { scope: 'namespace', namespace, ...all },
    ...selective.map(
      ({ name, text, message }): PolicyEntry => ({
        scope: 'offloadPolicy',
        namespace,
        offloadPolicy: name,
        offload: all.offload,
        policy: text ?? '',
        source: `OffloadPolicy ${namespace}/${name}, for pods that it selects`,
        ...(text === undefined && { problem: message }),
      }),
    ),
  ];
}

function entry({ home, policies }: AgentContext, pod: Pod) {
  const facts = home.namespaces().get(pod.metadata.namespace ?? '') ?? nothing;
  const { text, source, problem } = policies.policyFor(pod, facts.annotations);
  return {
    offload: facts.offload,
    policy: text,
    source,
    ...(problem !== undefined && { problem }),
  };
}

function emptyPod(namespace: string): Pod {
  return { metadata: { namespace }, spec: { containers: [] } };
}
