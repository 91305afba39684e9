/** What the driver needs of the world around it, and what each call promises. */
import type { ClusterName, NodeName, Pod, PodUid } from '@spillway/core';
import type {
  Advert,
  BindOutcome,
  CreateOutcome,
  GuestPatch,
  NegotiationClient,
  PatchOutcome,
  PodRef,
  ShadowPlace,
  TryOutcome,
  VirtualNodeState,
  VolumeWrite,
} from '@spillway/federation';

/** What a home needs of its own API server. Each call has a deadline of its own. */
export interface HomeWrites {
  bindPod(
    ref: PodRef,
    node: NodeName,
    annotations?: Readonly<Record<string, string>>,
  ): Promise<Exclude<BindOutcome, 'refused' | 'failed'>>;
  patchPodStatus(ref: PodRef, status: NonNullable<Pod['status']>): Promise<'ok' | 'gone'>;
  /** Deletes without grace, by UID. */
  finalizeDeletion(ref: PodRef): Promise<'ok' | 'gone'>;
  /** Deletes with the pod's own grace, by UID. */
  evictPod(ref: PodRef): Promise<'ok' | 'gone'>;
  /** A consistent read; undefined when there is none. */
  getPod(namespace: string, name: string): Promise<Pod | undefined>;
}

/** What pods that stay at home need besides. */
export interface HomePlacementWrites {
  /** Fails when the object has changed since it was read. */
  writeVolume(write: VolumeWrite): Promise<void>;
  nominate(ref: PodRef, node: NodeName | undefined): Promise<'ok' | 'gone'>;
  endPreempted(victim: PodRef): Promise<'ok' | 'gone'>;
}

interface NewShadow {
  readonly home: ClusterName;
  readonly pod: Pod;
  readonly place: ShadowPlace;
}

interface ShadowRef {
  readonly namespace: string;
  readonly name: string;
  readonly uid: PodUid;
}

/** What a host needs of its own API server. */
export interface HostWrites {
  createShadow(options: NewShadow): Promise<CreateOutcome>;
  /** As `createShadow`, but so that nothing is made. */
  tryShadow(options: NewShadow): Promise<TryOutcome>;
  patchShadow(options: ShadowRef & { readonly patch: GuestPatch }): Promise<PatchOutcome>;
  deleteShadow(options: ShadowRef & { readonly gracePeriodSeconds?: number }): Promise<void>;
}

/** Virtual nodes, in the own API server. */
export interface NodeWrites {
  keep(state: VirtualNodeState, now: Date): Promise<void>;
  remove(cluster: ClusterName): Promise<void>;
}

/** What is there only once the mesh runs. */
export interface Connection {
  negotiator(host: ClusterName): NegotiationClient;
  /** Returns how many bytes it took. */
  publish(advert: Advert): Promise<number>;
}
