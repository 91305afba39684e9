/** The machine under one node: what it runs, and whether its kubelet and the API server hear each other. */
import { type Pod, plus, type PodUid, type Resources } from '@spillway/core';

/** `dead`: its containers have ended with it. `unheard`: they run on, and nobody can tell. */
export type NodeLoss = 'dead' | 'unheard';

/** A pod as its kubelet has it. */
export interface KubeletPod {
  /** As last heard of. */
  pod: Pod;
  /** Taken while its containers run. */
  requests: Resources | undefined;
  isStopping: boolean;
}

export class NodeRuntime {
  readonly allocatable: Resources;
  readonly pods = new Map<PodUid, KubeletPod>();
  #lost: NodeLoss | undefined;
  #unsaid: (() => void)[] = [];

  constructor(allocatable: Resources) {
    this.allocatable = allocatable;
  }

  get lost(): NodeLoss | undefined {
    return this.#lost;
  }

  /** Kubernetes' `OutOf<resource>`: the first resource that the node has too little of. */
  lacks(asked: Resources): string | undefined {
    let sum = asked;
    for (const { requests } of this.pods.values()) {
      if (requests !== undefined) sum = plus(sum, requests);
    }
    if (sum.milliCpu > this.allocatable.milliCpu) return 'cpu';
    if (sum.memoryBytes > this.allocatable.memoryBytes) return 'memory';
    for (const [name, amount] of sum.extended) {
      if (amount > (this.allocatable.extended.get(name) ?? 0)) return name;
    }
    return undefined;
  }

  /** What its kubelet has to say, now or once it is heard. */
  say(act: () => void): void {
    if (this.#lost === undefined) act();
    else this.#unsaid.push(act);
  }

  lose(loss: NodeLoss): void {
    this.#lost = loss;
    if (loss === 'unheard') return;
    this.pods.clear();
    this.#unsaid = [];
  }

  restore(): void {
    this.#lost = undefined;
    for (const act of this.#unsaid.splice(0)) act();
  }
}
