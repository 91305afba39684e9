/** Remembers settings that mean nothing as they are written, for the doctor, and tells their authors by an event. */
import type { ObjectMeta, PodUid } from '@spillway/core';
import { type SettingsOwner, settingProblems } from '@spillway/federation';
import { type EventRecorder, eventReasons } from '@spillway/kubernetes';

export interface SettingProblem {
  readonly owner: SettingsOwner;
  readonly namespace: string;
  readonly name: string;
  readonly problems: readonly string[];
}

/** What is found beyond is not remembered: mending some shows the next. */
const rememberedMax = 1_000;

export class SettingProblems {
  readonly #recorder: Pick<EventRecorder, 'record'>;
  readonly #found = new Map<string, SettingProblem>();

  constructor(recorder: Pick<EventRecorder, 'record'>) {
    this.#recorder = recorder;
  }

  found(): readonly SettingProblem[] {
    return [...this.#found.values()];
  }

  /** A namespace or pod as the API server has it now. */
  see(owner: SettingsOwner, metadata: ObjectMeta, deleted: boolean): void {
    const { uid = '', name = '' } = metadata;
    const known = this.#found.get(uid);
    const problems = deleted ? [] : settingProblems(owner, metadata);
    if (problems.length === 0) {
      if (known !== undefined) this.#found.delete(uid);
      return;
    }
    if (known?.problems.join() === problems.join()) return;
    if (known === undefined && this.#found.size >= rememberedMax) return;
    const namespace = owner === 'Namespace' ? name : (metadata.namespace ?? 'default');
    this.#found.set(uid, { owner, namespace, name, problems });
    this.#recorder.record({
      kind: owner,
      ref: { namespace, name, uid: uid as PodUid },
      reason: eventReasons.invalidSetting,
      message: problems.join('; '),
      warning: true,
    });
  }
}
