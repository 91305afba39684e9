/**
 * What the agent does with Spillway's custom resources, as far as the API server serves them. It is
 * asked at start and every so often, so that a CRD that is installed later, or removed, is noticed
 * without a restart; an agent whose cluster has none does all else.
 */
import {
  type ApiClient,
  type CustomResource,
  customResources,
  servedCustomResources,
} from '@spillway/kubernetes';
import type { Log } from './log.ts';

export interface CustomResourcesOptions {
  readonly api: ApiClient;
  readonly log: Log;
  /** Called about once a second while Neighbours are served; false when they turn out not to be. */
  readonly keepNeighbours: () => Promise<boolean>;
}

const discoveryMs = 10_000;
const keepMs = 1_000;

export class CustomResources {
  readonly #options: CustomResourcesOptions;
  #served: ReadonlySet<CustomResource> | undefined;
  #timers: NodeJS.Timeout[] = [];

  constructor(options: CustomResourcesOptions) {
    this.#options = options;
  }

  start(): void {
    const keep = (): void => {
      if (this.#served?.has('neighbours')) void this.#keep();
    };
    this.#timers = [
      setInterval(() => void this.#discover(), discoveryMs),
      setInterval(keep, keepMs),
    ];
    void this.#discover();
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  /** Undefined until the API server has been asked. */
  get served(): readonly CustomResource[] | undefined {
    return this.#served && [...this.#served];
  }

  async #keep(): Promise<void> {
    if (!(await this.#options.keepNeighbours())) await this.#discover();
  }

  async #discover(): Promise<void> {
    const { api, log } = this.#options;
    let served: ReadonlySet<CustomResource>;
    try {
      served = await servedCustomResources(api);
    } catch (error) {
      log.warn({ err: error }, 'which custom resources are served could not be asked');
      return;
    }
    const before = this.#served;
    this.#served = served;
    const same =
      before !== undefined &&
      customResources.every((name) => before.has(name) === served.has(name));
    if (same) return;
    const missing = customResources.filter((name) => !served.has(name));
    log.info(
      { served: [...served], missing },
      missing.length === 0
        ? 'custom resources are served'
        : 'custom resources are missing: all works but what they are for; install the CRDs to have them',
    );
  }
}
