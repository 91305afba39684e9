/** The agent's machine, what it looks at, and the driver that runs it. */
import { Agent } from '@spillway/agent-core';
import { type Clock, randomStream } from '@spillway/core';
import { CoordinateClient, directoryPresets, type PolicyBook } from '@spillway/federation';
import {
  type ApiClient,
  EventRecorder,
  guestNamespaceName,
  type KubeletEndpoint,
  PlacementWrites,
  Pods,
  VirtualNodes,
} from '@spillway/kubernetes';
import { inspectCertificate, type Mesh } from '@spillway/mesh';
import { bindingSeals } from './membership/binding-seals.ts';
import { DecisionLog } from './reporting/decision-log.ts';
import { Driver } from './driver.ts';
import type { Identity } from './membership/identity.ts';
import type { Log } from './reporting/log.ts';
import type { Metrics } from './reporting/metrics.ts';
import type { AgentOptions } from './config/options.ts';
import { PodEventRecorder } from './reporting/pod-event-recorder.ts';
import { Reporter } from './reporting/reporter.ts';
import type { RevocationKeeper } from './membership/revocation-keeper.ts';

export interface MachineOptions {
  readonly options: AgentOptions;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly identity: Identity;
  readonly policies: PolicyBook;
  readonly api: ApiClient;
  readonly epoch: number;
  readonly clock: Clock;
  readonly revocations: RevocationKeeper;
  /** Undefined until it has started. */
  readonly mesh: () => Mesh | undefined;
  /** Where the kubelet's API is served; undefined where it is not. */
  readonly kubelet: () => KubeletEndpoint | undefined;
  /** See `DriverOptions.onBroken`. */
  readonly onBroken: (error: unknown) => void;
}

export type Machine = ReturnType<typeof createMachine>;

export function createMachine(made: MachineOptions) {
  const { options, log, metrics, identity, policies, api, epoch, clock, mesh, onBroken } = made;
  const seed = epoch % 2 ** 31;
  const pods = new Pods(api, {
    isolated: options.guests.network === 'isolated',
    blockedCidrs: options.guests.blockedCidrs,
  });
  const recorder = new EventRecorder({ api, clock, component: 'spillway' });
  const coordinates = new CoordinateClient(randomStream(seed, 'coordinates'));
  const preset = directoryPresets[options.mesh.preset];
  const virtualNodes = new VirtualNodes(api, made.kubelet);
  const { attributes, peer } = inspectCertificate(identity.certificate);
  const agent = new Agent({
    cluster: options.cluster,
    epoch,
    labels: options.labels,
    attributes,
    directory: preset,
    coordinates,
    membershipOf: (cluster) => made.revocations.membershipOf(cluster),
    virtualNodes: 'kept',
    policies,
    seals: bindingSeals(options.cluster, identity.privateKey),
    homeConfig: options.home,
    hostConfig: options.host,
    terms: options.guests.terms,
    advertBytesPerSecond: options.mesh.advertBytesPerSecond,
    guestNamespace: guestNamespaceName,
    whereabouts: () => ({ peer, addresses: mesh()?.addresses() ?? [] }),
    random: (purpose) => randomStream(seed, purpose),
    looksThrough: true,
  });
  const decisionLog = new DecisionLog({ log, clock });
  const news = new PodEventRecorder({ recorder, pods, log });
  const reporter = new Reporter({ news, clock, log, decisionLog, metrics });
  const driver = new Driver({
    agent,
    epoch,
    writes: pods,
    placement: new PlacementWrites(api, pods, clock),
    nodes: virtualNodes,
    reporter,
    clock,
    onBroken,
  });
  return {
    agent,
    driver,
    reporter,
    recorder,
    pods,
    preset,
    virtualNodes,
  };
}
