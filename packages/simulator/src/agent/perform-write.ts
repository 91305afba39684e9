/** Carries out one piece of the agent's work at the API server of its own cluster. */
import type { CallWork, Ended, Work, WorkOf } from '@spillway/agent-core';
import { Fault, unreachable, virtualNodeName } from '@spillway/core';
import type { ModelApiServer } from '../cluster/api-server.ts';
import { createOutcome, type ModelWrites, shadowOf, tryOutcome } from './writes.ts';

type WriteWork = Exclude<Work, CallWork>;

export interface WritePorts {
  readonly api: ModelApiServer;
  readonly writes: ModelWrites;
}

/** As far as the agent can tell: it may have taken effect. */
export const failed: Ended = { kind: 'failed', fault: new Fault('DeadlineExceeded', 'no answer') };

/** As Kubernetes defaults it. */
const graceDefaultSeconds = 30;

export function performWrite(work: WriteWork, by: WritePorts, done: (ended: Ended) => void): void {
  const { api, writes } = by;
  const { kind } = work;
  const write = <Value>(act: () => Value, ended: (value: Value) => Ended): void =>
    writes.write(act, (value) => done(value === undefined ? failed : ended(value)));
  switch (kind) {
    case 'bindLocally':
      return write(
        () => api.bind(work.ref, work.node),
        (value) => ({ kind, value }),
      );
    case 'bindAway':
      return write(
        () => api.bind(work.ref, virtualNodeName(work.host), work.annotations),
        (value) => ({ kind, value }),
      );
    case 'bindVolumes':
      throw new Fault('Internal', 'no pod of the simulator has volumes');
    case 'preempt':
      return preempt(work, by, done);
    case 'unnominate':
      return write(
        () => api.nominate(work.ref, undefined),
        (value) => ({ kind, value }),
      );
    case 'writeStatus':
      return write(
        () => api.patchStatus(work.ref, work.status),
        (value) => ({ kind, value }),
      );
    case 'finalize':
      return write(
        () => api.delete(work.ref, 0),
        (value) => ({ kind, value }),
      );
    case 'evict':
      return write(
        () => api.delete(work.ref, graceDefaultSeconds),
        (value) => ({ kind, value }),
      );
    case 'checkOrphan':
      return write(
        () => ({ pod: api.pod(work.ref.namespace, work.ref.name) }),
        ({ pod }) => ({ kind, value: pod }),
      );
    case 'createShadow': {
      const shadow = shadowOf(work.guest.home, work.pod, work.place);
      return write(
        () => createOutcome(api, shadow),
        (value) => ({ kind, value }),
      );
    }
    case 'tryShadow': {
      const shadow = shadowOf(work.home, work.pod, work.place);
      return write(
        () => tryOutcome(api, shadow),
        (value) => ({ kind, value }),
      );
    }
    case 'patchShadow': {
      const { namespace, name, shadowUid: uid, patch } = work;
      return write(
        () => api.patch({ namespace, name, uid }, patch),
        (outcome) => (outcome === 'conflict' ? failed : { kind, value: { kind: outcome } }),
      );
    }
    case 'deleteShadow': {
      const { namespace, name, shadowUid: uid, gracePeriodSeconds } = work;
      return write(
        () => api.delete({ namespace, name, uid }, gracePeriodSeconds ?? graceDefaultSeconds),
        () => ({ kind, value: 'ok' }),
      );
    }
    case 'keepNode':
    case 'removeNode':
      throw new Fault('Internal', 'virtual nodes of the simulator are given');
    default:
      return unreachable(work);
  }
}

function preempt(
  { kind, ref, node, victims }: WorkOf<'preempt'>,
  { api, writes }: WritePorts,
  done: (ended: Ended) => void,
): void {
  const acts = [
    () => api.nominate(ref, node),
    ...victims.map((victim) => () => api.preempt(victim)),
  ];
  const next = (): void => {
    const act = acts.shift();
    if (act === undefined) return done({ kind, value: 'ok' });
    writes.write(act, (value) => (value === undefined ? done(failed) : next()));
  };
  next();
}
