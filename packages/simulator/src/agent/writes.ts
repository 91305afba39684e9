/** Writes to an API server that fail before, after, or some time before they take effect. */
import { type ClusterName, type Pod, type Random, wellKnown } from '@spillway/core';
import {
  type CreateOutcome,
  madeFrom,
  type ShadowPlace,
  shadowSpec,
  type TryOutcome,
} from '@spillway/federation';
import type { ModelApiServer } from '../cluster/api-server.ts';
import type { ModelNetwork } from '../network/network.ts';
import type { VirtualTime } from '../virtual-time.ts';

/** A write that was reported failed, and happens all the same, happens by then. */
export const lateWriteMsMax = 2_000;

interface ModelWritesOptions {
  readonly time: VirtualTime;
  readonly network: ModelNetwork;
  readonly writeMsMax: number;
  readonly random: Random;
  readonly alive: () => boolean;
}

export class ModelWrites {
  readonly #options: ModelWritesOptions;

  constructor(options: ModelWritesOptions) {
    this.#options = options;
  }

  /** `done` gets the outcome, or undefined when the write failed as far as its caller can tell. */
  write<Outcome>(write: () => Outcome, done: (outcome: Outcome | undefined) => void): void {
    const { time, network, random, alive, writeMsMax } = this.#options;
    const fails = random.unit() < network.weather.writeFailure;
    const [never, late] = [0, 2];
    const how = random.below(3);
    time.after(random.below(writeMsMax), () => {
      const outcome = fails && (how === never || how === late) ? undefined : write();
      if (fails && how === late) time.after(random.below(lateWriteMsMax), () => write());
      time.after(random.below(writeMsMax), () => {
        if (alive()) done(fails ? undefined : outcome);
      });
    });
  }
}

export function guestNamespaceOf(home: ClusterName, namespace: string): string {
  return `${home}-${namespace}`;
}

export function shadowOf(home: ClusterName, pod: Pod, place: ShadowPlace): Pod {
  const { name = '', namespace = 'default', uid = '', labels, annotations } = pod.metadata;
  return {
    metadata: {
      name,
      namespace: guestNamespaceOf(home, namespace),
      annotations: {
        ...annotations,
        [wellKnown.homeNameAnnotation]: name,
        [wellKnown.madeFromAnnotation]: madeFrom(pod),
      },
      labels: {
        ...labels,
        [wellKnown.homeLabel]: home,
        [wellKnown.homeNamespaceLabel]: namespace,
        [wellKnown.homeUidLabel]: uid,
      },
    },
    spec: shadowSpec(pod.spec, place),
  };
}

export function tryOutcome(api: ModelApiServer, shadow: Pod): TryOutcome {
  const reason = api.refusal(shadow);
  return reason === undefined ? { kind: 'accepted' } : { kind: 'rejected', reason };
}

export function createOutcome(api: ModelApiServer, shadow: Pod): CreateOutcome {
  const reason = api.refusal(shadow);
  if (reason !== undefined) return { kind: 'rejected', reason };
  if (api.create(shadow) !== undefined) return { kind: 'created' };
  const { namespace = '', name = '', labels } = shadow.metadata;
  const there = api.pod(namespace, name)?.metadata.labels?.[wellKnown.homeUidLabel];
  return { kind: there === labels?.[wellKnown.homeUidLabel] ? 'exists' : 'nameTaken' };
}
