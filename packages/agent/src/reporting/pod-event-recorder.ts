/** What pods' owners are told, as Kubernetes events and, where no other component writes it, as a condition. */
import type { ClusterName, NodeName } from '@spillway/core';
import type { HomeEffect, PodRef } from '@spillway/federation';
import { type EventRecorder, eventReasons, type Pods } from '@spillway/kubernetes';
import type { Log } from './log.ts';

export class PodEventRecorder {
  readonly #recorder: EventRecorder;
  readonly #pods: Pods;
  readonly #log: Log;

  constructor(options: {
    readonly recorder: EventRecorder;
    readonly pods: Pods;
    readonly log: Log;
  }) {
    this.#recorder = options.recorder;
    this.#pods = options.pods;
    this.#log = options.log;
  }

  bound(ref: PodRef, node: NodeName, host: ClusterName | undefined): void {
    const where = host === undefined ? `to ${node}` : `to neighbour ${host}`;
    const message = `assigned ${ref.namespace}/${ref.name} ${where}`;
    this.#recorder.record({ ref, reason: eventReasons.scheduled, message, warning: false });
  }

  preempted(victim: PodRef, by: PodRef, node: NodeName): void {
    const message = `Preempted by pod ${by.uid} on node ${node}`;
    this.#recorder.record({ ref: victim, reason: eventReasons.preempted, message, warning: false });
  }

  explain(ref: PodRef, message: string, { condition }: { readonly condition: boolean }): void {
    this.#recorder.record({ ref, reason: eventReasons.failedScheduling, message, warning: true });
    if (!condition) return;
    const unschedulable = {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message: message.slice(0, 1024),
    };
    this.#pods.patchPodStatus(ref, { conditions: [unschedulable] }).catch((error: unknown) => {
      // The event says the same; the next explanation writes the condition again.
      this.#log.debug({ pod: `${ref.namespace}/${ref.name}`, err: error }, 'condition not written');
    });
  }

  tell({ ref, reason, message, warning }: Extract<HomeEffect, { kind: 'tell' }>): void {
    this.#recorder.record({ ref, reason, message, warning });
  }
}
