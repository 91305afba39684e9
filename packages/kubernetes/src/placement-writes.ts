/**
 * What a home writes on its own objects so that a pod can be placed on one of its nodes. These are volumes
 * that are to be bound, and pods of lower priority that are to end. kube-scheduler writes both in the same
 * way.
 */
import { type Clock, isFault, type NodeName, wellKnown } from '@spillway/core';
import type { PodRef, VolumeWrite } from '@spillway/federation';
import type { ApiClient } from './api-client.ts';
import { isOtherObject } from './api-fault.ts';
import type { Pods } from './pods.ts';

export class PlacementWrites {
  readonly #api: ApiClient;
  readonly #pods: Pods;
  readonly #clock: Pick<Clock, 'wallMs'>;

  constructor(api: ApiClient, pods: Pods, clock: Pick<Clock, 'wallMs'>) {
    this.#api = api;
    this.#pods = pods;
    this.#clock = clock;
  }

  /** @throws Fault `Conflict` when the object has changed since it was read. */
  async writeVolume(write: VolumeWrite): Promise<void> {
    const { namespace, name = '', uid, resourceVersion } = write.metadata;
    const metadata = { uid, resourceVersion, annotations: write.annotations };
    if (write.kind === 'PersistentVolume') {
      const claimRef = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', ...write.claimRef };
      await this.#patch(`/api/v1/persistentvolumes/${name}`, { metadata, spec: { claimRef } });
    } else {
      const path = `/api/v1/namespaces/${namespace}/persistentvolumeclaims/${name}`;
      await this.#patch(path, { metadata });
    }
  }

  /** Where the pod waits for preempted ones to end; undefined: nowhere any more. */
  async nominate(ref: PodRef, node: NodeName | undefined): Promise<'ok' | 'gone'> {
    // A merge patch takes a field away by null, which the status of a pod never holds.
    const status = { nominatedNodeName: node ?? null } as { nominatedNodeName?: string };
    return await this.#pods.patchPodStatus(ref, status);
  }

  /** Marks the pod as preempted, then deletes it with the grace it asks for. */
  async endPreempted(victim: PodRef): Promise<'ok' | 'gone'> {
    const marked = await this.#pods.patchPodStatus(victim, {
      conditions: [
        {
          type: 'DisruptionTarget',
          status: 'True',
          reason: wellKnown.preemptedReason,
          message: `${wellKnown.schedulerName}: preempting to accommodate a higher priority pod`,
          lastTransitionTime: new Date(this.#clock.wallMs()).toISOString(),
        },
      ],
    });
    if (marked === 'gone') return 'gone';
    try {
      await this.#api.call({
        method: 'DELETE',
        path: `/api/v1/namespaces/${victim.namespace}/pods/${victim.name}`,
        body: { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid: victim.uid } },
      });
      return 'ok';
    } catch (error) {
      if (isFault(error, 'NotFound') || isOtherObject(error)) return 'gone';
      throw error;
    }
  }

  async #patch(path: string, body: object): Promise<void> {
    const contentType = 'application/merge-patch+json';
    await this.#api.call({ method: 'PATCH', path, contentType, body });
  }
}
