/** Requests to an API server: they fail before, after, or some time before they take effect, or are refused. */
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
/** As packages/kubernetes/src/api-client.ts has them. */
const deadlineMs = 10_000;
const triesMax = 4;
const retryAfterMs = 1_000;

interface ModelWritesOptions {
  readonly api: ModelApiServer;
  readonly time: VirtualTime;
  readonly network: ModelNetwork;
  readonly writeMsMax: number;
  readonly random: Random;
  readonly alive: () => boolean;
}

type Answered<Outcome> = (outcome: Outcome | undefined) => void;

export class ModelWrites {
  readonly #options: ModelWritesOptions;

  constructor(options: ModelWritesOptions) {
    this.#options = options;
  }

  /** `done` gets the outcome, or undefined when the write failed as far as its caller can tell. */
  write<Outcome>(write: () => Outcome, done: Answered<Outcome>): void {
    const { api, time, alive } = this.#options;
    let open = true;
    const answered: Answered<Outcome> = (outcome) => {
      if (!open) return;
      open = false;
      if (alive()) done(outcome);
    };
    if (api.conditions.slowMs > 0) time.after(deadlineMs, () => answered(undefined));
    this.#send(write, answered, 1);
  }

  #send<Outcome>(write: () => Outcome, answered: Answered<Outcome>, tries: number): void {
    const { api, time, network, random, alive, writeMsMax } = this.#options;
    const { slowMs, error } = api.conditions;
    const fails = random.unit() < network.weather.writeFailure + error;
    const [never, late] = [0, 2];
    const how = random.below(3);
    const awayMs = random.below(writeMsMax + slowMs);
    time.after(awayMs, () => {
      // Who dies closes the connection: what waits at the server for longer is dropped there.
      if (!alive() && awayMs > lateWriteMsMax) return;
      if (!api.isUp) return answered(undefined);
      const { lives } = api;
      const refused = this.#refused();
      if (refused === 'tooManyRequests' && tries < triesMax) {
        return time.after(retryAfterMs, () => {
          if (alive()) this.#send(write, answered, tries + 1);
        });
      }
      const done = refused === undefined && !(fails && (how === never || how === late));
      const outcome = done ? write() : undefined;
      if (refused === undefined && fails && how === late) this.#comeLate(write);
      time.after(random.below(writeMsMax + slowMs), () => {
        answered(fails || api.lives !== lives ? undefined : outcome);
      });
    });
  }

  #comeLate(write: () => unknown): void {
    const { api, time, random } = this.#options;
    const { lives } = api;
    time.after(random.below(lateWriteMsMax), () => {
      if (api.lives === lives) write();
    });
  }

  /** Chance is drawn only where something is wrong. */
  #refused(): 'conflict' | 'tooManyRequests' | undefined {
    const { api, random } = this.#options;
    const { conflict, tooManyRequests } = api.conditions;
    if (conflict > 0 && random.unit() < conflict) return 'conflict';
    return tooManyRequests > 0 && random.unit() < tooManyRequests ? 'tooManyRequests' : undefined;
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
