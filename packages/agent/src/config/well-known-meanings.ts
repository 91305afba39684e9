/** What each name of `wellKnown` is for, for docs/reference.md. A new name needs a line here to compile. */
import type { wellKnown } from '@spillway/core';

export const wellKnownMeanings: Readonly<Record<keyof typeof wellKnown, string>> = {
  schedulerName: '`spec.schedulerName` of pods that Spillway places, at home or away.',
  offloadLabel:
    'Label of a namespace, value `enabled`: its pods may leave if the cluster’s own scheduler finds no room for them.',
  policyAnnotation: 'Annotation of a namespace or pod: the placement policy.',
  activeLabel: 'Label `true` on the pod of the active agent, and on no other pod.',
  partitionAnnotation:
    'Annotation `fence` on a pod that is away under that partition policy. The agent writes it when it binds the pod.',
  boundByAnnotation:
    'Annotation on a pod that is away: the seal with which the agent recognises its own binding.',
  leftOutAnnotation:
    'Annotation on a pod that is away: what of the pod its host leaves out, with `; ` between the parts. The agent writes it when it binds the pod.',
  virtualNodeLabel: 'Label `true` on virtual nodes.',
  clusterLabel: 'Label on virtual nodes: the neighbour that the node stands for.',
  addressesAnnotation:
    'Annotation on virtual nodes: a JSON list of addresses at which the neighbour was last reached.',
  membershipAnnotation:
    'Annotation on virtual nodes: the certificate by which the neighbour last proved itself, as JSON.',
  virtualNodeTaint: 'Taint on virtual nodes.',
  homeLabel: 'Label on shadow pods and guest namespaces: the home cluster.',
  homeNamespaceLabel: 'Label on shadow pods and guest namespaces: the namespace at home.',
  homeUidLabel: 'Label on shadow pods: the UID of the pod at home.',
  homeNameAnnotation:
    'Annotation on shadow pods: their own name. A copy of a shadow has another name.',
  madeFromAnnotation:
    'Annotation on shadow pods: what the shadow was made from. It separates changes at home from changes at the host.',
  homeFieldPrefix:
    'Annotations on shadow pods, with a number after the prefix: what files of the downward API show.',
  podNetworkAttribute:
    'Attribute of a certificate: clusters with equal values have joined their pod networks.',
  revocationsConfigMap:
    'ConfigMap in the agents’ namespace: what the federation’s root has revoked.',
  revocationsKey: 'Key of that ConfigMap, for operators: a list of revocations.',
  leavingConfigMap:
    'ConfigMap in the agents’ namespace: it says whether this cluster leaves its federation.',
  leavingKey:
    'Key of that ConfigMap. `true`: the agent deletes the pods that are away and all guests.',
  keepLabel: 'Label of a guest namespace, any value: it stays when it has no guests.',
  preemptedReason:
    'Reason of the condition `DisruptionTarget` on a pod that was preempted, as kube-scheduler writes it.',
  guestPriorityClass: 'PriorityClass of shadow pods.',
};
