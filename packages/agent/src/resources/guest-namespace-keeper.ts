/** Ends guest namespaces that have had no guest for some time. */
import { type Clock, type Namespace, wellKnown } from '@spillway/core';
import type { EmptyNamespaces, NamespaceRef } from '@spillway/federation';
import type { NamespaceEnd } from '@spillway/kubernetes';
import type { Log } from '../reporting/log.ts';

export interface GuestNamespaceKeeperOptions {
  readonly namespaces: EmptyNamespaces;
  /** Where guests are, or are about to be. */
  readonly occupied: () => ReadonlySet<string>;
  readonly end: (namespace: NamespaceRef) => Promise<NamespaceEnd>;
  readonly clock: Clock;
  readonly log: Log;
}

const lookMs = 1_000;

export class GuestNamespaceKeeper {
  readonly #options: GuestNamespaceKeeperOptions;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: GuestNamespaceKeeperOptions) {
    this.#options = options;
  }

  /** From when all guests are known. */
  start(): void {
    this.#timer = setInterval(() => this.#look(), lookMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** A namespace of this cluster, as the API server has it now. */
  take({ metadata }: Namespace, deleted: boolean): void {
    const { name = '', uid = '', labels } = metadata;
    const { namespaces, clock } = this.#options;
    const ours =
      labels?.[wellKnown.homeLabel] !== undefined &&
      labels[wellKnown.homeNamespaceLabel] !== undefined;
    if (!ours || deleted || metadata.deletionTimestamp !== undefined) namespaces.gone(name);
    else namespaces.seen({ name, uid }, clock.monotonicMs());
  }

  #look(): void {
    const { namespaces, occupied, clock } = this.#options;
    for (const namespace of namespaces.due(occupied(), clock.monotonicMs()))
      void this.#end(namespace);
  }

  async #end(namespace: NamespaceRef): Promise<void> {
    const { end, log } = this.#options;
    const { name } = namespace;
    try {
      const ended = await end(namespace);
      if (ended.outcome === 'ended')
        log.info({ namespace: name }, 'guest namespace without guests deleted');
      else log.debug({ namespace: name, by: ended.by }, 'guest namespace without guests is kept');
    } catch (error) {
      log.warn(
        { namespace: name, err: error },
        'guest namespace could not be deleted; it is tried again',
      );
    }
  }
}
