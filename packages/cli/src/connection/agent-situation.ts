/**
 * The state of a cluster's agents, from what its API server shows of their DaemonSet, pods and Lease. There
 * is one sentence for each state, and the command that looks further. An agent that is silent is never
 * called active.
 */
import { type ContainerStatus, containerTroubles, type Pod } from '@spillway/core';

export interface AgentObjects {
  readonly namespace: string;
  /** Undefined when there is none, or the user may not see it. */
  readonly daemonSet: AgentDaemonSet | undefined;
  readonly pods: readonly Pod[];
  readonly lease: AgentLease | undefined;
}

export interface AgentDaemonSet {
  readonly metadata: { readonly name?: string };
  readonly status?: {
    readonly desiredNumberScheduled?: number;
    readonly currentNumberScheduled?: number;
    readonly numberReady?: number;
  };
}

export interface AgentLease {
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly renewTime?: string;
    readonly leaseDurationSeconds?: number;
  };
}

export interface AgentSituation {
  readonly state:
    | 'notInstalled'
    | 'noneDesired'
    | 'notCreated'
    | 'pending'
    | 'cannotStart'
    | 'crashing'
    | 'notReady'
    | 'standbyOnly'
    | 'process'
    | 'processSilent'
    | 'active';
  /** For people, without a full stop. */
  readonly message: string;
  /** A sentence with a command to look further, or to mend it. */
  readonly remedy: string;
  /** The pod that can be asked, if there is one. */
  readonly pod?: string;
}

const leaseSecondsDefault = 15;
/** Why a container waits that will not start by itself. */
const brokenImages = /^(ErrImage|ImagePull|InvalidImage|ImageInspect|RegistryUnavailable)/;
const brokenSetups = /^(CreateContainer|RunContainer|ContainerCannotRun)/;

export function agentSituation(objects: AgentObjects, nowMs: number): AgentSituation {
  const { namespace, pods, lease } = objects;
  const alive = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const holder = holderOf(lease, nowMs);
  const holding = alive.find(({ metadata }) => metadata.name === holder?.name);
  if (alive.length === 0) return withoutPods(objects, holder);
  const trouble = podTrouble(alive, namespace);
  if (holder?.fresh !== true) return trouble ?? standbyOnly(alive, namespace, holder);
  if (holding === undefined) return processOf(holder, namespace);
  if (isReady(holding)) return activeOf(holding, holder, namespace);
  const name = holding.metadata.name ?? '';
  return {
    state: 'notReady',
    message: `pod ${name} is active but not ready yet: its caches are not synced`,
    remedy: `Wait. If it does not become ready: kubectl -n ${namespace} logs ${name}`,
    pod: name,
  };
}

interface Holder {
  readonly name: string;
  readonly fresh: boolean;
  readonly renewedAgo: string;
}

/** The Lease says a pod's name, or what a process calls itself, and after it what tells one life from the next. */
function holderOf(lease: AgentLease | undefined, nowMs: number): Holder | undefined {
  const { holderIdentity = '', renewTime = '', leaseDurationSeconds } = lease?.spec ?? {};
  if (holderIdentity === '') return undefined;
  const ageS = (nowMs - Date.parse(renewTime)) / 1000;
  return {
    name: holderIdentity.replace(/_[^_]*$/, ''),
    fresh: ageS <= (leaseDurationSeconds ?? leaseSecondsDefault),
    renewedAgo: `${Math.max(0, Math.round(ageS))} s ago`,
  };
}

function withoutPods(
  { namespace, daemonSet, lease }: AgentObjects,
  holder: Holder | undefined,
): AgentSituation {
  const name = daemonSet?.metadata.name ?? 'spillway-agent';
  const look = `Run: kubectl -n ${namespace} describe daemonset ${name}`;
  const desired = daemonSet?.status?.desiredNumberScheduled ?? 0;
  if (daemonSet !== undefined && desired === 0) {
    const message = `DaemonSet ${namespace}/${name} wants no pods: no node matches its node selector, affinity and tolerations`;
    return { state: 'noneDesired', message, remedy: look };
  }
  if (daemonSet !== undefined) {
    const message = `DaemonSet ${namespace}/${name} wants ${desired} pods, but none was created`;
    return { state: 'notCreated', message, remedy: look };
  }
  if (holder !== undefined) return processOf(holder, namespace);
  const ran = lease === undefined ? '' : ' any more';
  return {
    state: 'notInstalled',
    message: `no agent is installed in namespace ${namespace}${ran}: it has no agent DaemonSet and no agent pod, or you may not see them`,
    remedy: `Install the chart (helm install spillway … -n ${namespace} --create-namespace), or use --agent-namespace if it is in another namespace`,
  };
}

function processOf({ name, fresh, renewedAgo }: Holder, namespace: string): AgentSituation {
  const remedy = 'give its address with --agent URL or SPILLWAY_AGENT';
  if (fresh) {
    const message = `the active agent ${name} is not a pod in namespace ${namespace}. It runs as a separate process, and renewed the Lease ${renewedAgo}`;
    return { state: 'process', message, remedy: `To ask it, ${remedy}` };
  }
  const message = `no agent is active: ${name}, which is not a pod in namespace ${namespace}, last renewed the Lease ${renewedAgo}`;
  return { state: 'processSilent', message, remedy: `Start it again. If it runs, ${remedy}` };
}

/** What keeps pods from being agents, the worst first; undefined when one of them is ready. */
function podTrouble(pods: readonly Pod[], namespace: string): AgentSituation | undefined {
  if (pods.some(isReady)) return undefined;
  const judged = pods.map((pod) => judgedPod(pod, namespace));
  const [worst] = judged.toSorted(
    (a, b) => worstFirst.indexOf(a.state) - worstFirst.indexOf(b.state),
  );
  if (worst === undefined) return undefined;
  const others = pods.length - 1;
  const more = others > 0 ? ` (one of ${pods.length} pods, none of which is ready)` : '';
  return { ...worst, message: `no agent is active: ${worst.message}${more}` };
}

const worstFirst: readonly AgentSituation['state'][] = [
  'crashing',
  'cannotStart',
  'notReady',
  'pending',
];

function judgedPod(pod: Pod, namespace: string): AgentSituation {
  const { name = '' } = pod.metadata;
  const describe = `Run: kubectl -n ${namespace} describe pod ${name}`;
  const [container] = pod.status?.containerStatuses ?? [];
  const reason = container?.state?.waiting?.reason ?? '';
  const restarts = container?.restartCount ?? 0;
  if (reason === 'CrashLoopBackOff' || container?.state?.terminated !== undefined) {
    const exit = exitText(container);
    const message = `pod ${name} keeps crashing (${restarts} restarts${exit})`;
    return {
      state: 'crashing',
      message,
      remedy: `Run: kubectl -n ${namespace} logs ${name} --previous`,
    };
  }
  if (brokenImages.test(reason)) {
    const message = `pod ${name} cannot pull its image (${reason})`;
    return { state: 'cannotStart', message, remedy: describe };
  }
  if (brokenSetups.test(reason)) {
    const message = `pod ${name} cannot start (${reason}): for example, a Secret or ConfigMap is missing`;
    return { state: 'cannotStart', message, remedy: describe };
  }
  if (pod.status?.phase === 'Running') {
    const message = `pod ${name} runs but is not ready: it has not read the Lease yet, or its caches are not synced`;
    return { state: 'notReady', message, remedy: `Run: kubectl -n ${namespace} logs ${name}` };
  }
  return { state: 'pending', message: `pod ${name} ${pendingText(pod)}`, remedy: describe };
}

function exitText(container: ContainerStatus | undefined): string {
  const last = container?.lastState?.terminated ?? container?.state?.terminated;
  return last?.exitCode === undefined ? '' : `, exit code ${last.exitCode}`;
}

function pendingText(pod: Pod): string {
  if (!pod.spec.nodeName) {
    const scheduled = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
    return `has no node yet${scheduled?.message === undefined ? '' : `: ${scheduled.message}`}`;
  }
  const [trouble] = containerTroubles(pod);
  return `is ${pod.status?.phase ?? 'Pending'} on node ${pod.spec.nodeName}${trouble === undefined ? '' : `: ${trouble}`}`;
}

function standbyOnly(
  pods: readonly Pod[],
  namespace: string,
  holder: Holder | undefined,
): AgentSituation {
  const ready = pods.filter(isReady).length;
  const last =
    holder === undefined
      ? 'none of them holds the Lease'
      : `${holder.name} held the Lease last and renewed it ${holder.renewedAgo}`;
  return {
    state: 'standbyOnly',
    message: `no agent is active: ${ready} of ${pods.length} pods stand by, and ${last}`,
    remedy: `One of them takes over when the Lease expires. If none does: kubectl -n ${namespace} logs daemonset/spillway-agent`,
  };
}

function activeOf(pod: Pod, { renewedAgo }: Holder, namespace: string): AgentSituation {
  const { name = '' } = pod.metadata;
  return {
    state: 'active',
    message: `pod ${name} is active and renewed the Lease ${renewedAgo}`,
    remedy: `Its log: kubectl -n ${namespace} logs ${name}`,
    pod: name,
  };
}

export function isReady({ status }: Pod): boolean {
  return (
    status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ??
    false
  );
}
