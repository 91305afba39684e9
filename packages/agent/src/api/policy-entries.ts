/** Which policy is in force: in the federation, in a namespace, for a pod; each with where it comes from. */
import { Fault, type Pod, wellKnown } from '@spillway/core';
import type { NamespaceFacts } from '@spillway/federation';
import type { PolicyEntry } from './answers/index.ts';
import type { Asked, Question } from './questions.ts';

const nothing: NamespaceFacts = { offload: false, annotations: {} };

/** All that differ from the federation's, or one. @throws Fault `NotFound` */
export async function policyEntries(
  asked: Asked,
  { query }: Question,
): Promise<readonly PolicyEntry[]> {
  const [namespace, name] = [query.get('namespace'), query.get('pod')];
  if (namespace === null) return listed(asked);
  if (name === null) return ofNamespace(asked, namespace);
  const pod = await asked.pods.getPod(namespace, name);
  if (pod === undefined) throw new Fault('NotFound', `no pod ${name} in namespace ${namespace}`);
  return [{ ...entry(asked, pod), scope: 'pod', namespace, pod: name }];
}

function listed(asked: Asked): readonly PolicyEntry[] {
  const told = [...asked.home.namespaces()].filter(
    ([, { offload, annotations }]) =>
      offload || annotations[wellKnown.policyAnnotation] !== undefined,
  );
  const names = new Set([...told.map(([name]) => name), ...asked.policies.namespaces()]);
  const { policy, source } = entry(asked, emptyPod(''));
  return [
    { scope: 'federation', offload: false, policy, source },
    ...[...names].sort().flatMap((name) => ofNamespace(asked, name)),
  ];
}

/** What holds for its pods, but for those that an OffloadPolicy selects. */
function ofNamespace(asked: Asked, namespace: string): readonly PolicyEntry[] {
  const all = entry(asked, emptyPod(namespace));
  const selective = asked.policies
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

function entry({ home, policies }: Asked, pod: Pod) {
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
