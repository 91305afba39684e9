/**
 * What the agent does with Spillway's custom resources, if the API server serves them. It checks this at
 * start and at intervals. So it notices without a restart when a CRD is installed or removed. An agent works
 * without any of them.
 */
import {
  type ApiClient,
  type CustomResource,
  customResources,
  servedCustomResources,
} from '@spillway/kubernetes';
import type { Log } from '../reporting/log.ts';
import type { OffloadPolicies } from './offload-policies.ts';

export interface CustomResourcesOptions {
  readonly api: ApiClient;
  readonly log: Log;
  /** Called about once a second while Neighbours are served; false when they turn out not to be. */
  readonly keepNeighbours: () => Promise<boolean>;
  readonly policies: OffloadPolicies;
}

const discoveryMs = 10_000;
/** Until it has been told for the first time: decisions wait for it. */
const firstDiscoveryMs = 500;
const keepMs = 1_000;

export class CustomResources {
  readonly #options: CustomResourcesOptions;
  /**
   * Resolves when all OffloadPolicies are known, or known not to exist: a decision before could let a
   * pod leave that must not. Policies that are served but can't be read (a missing right) hold it up.
   */
  readonly settled: Promise<void>;
  #settle: () => void = () => {};
  #served: ReadonlySet<CustomResource> | undefined;
  #discovery: NodeJS.Timeout | undefined;
  #keeping: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: CustomResourcesOptions) {
    this.#options = options;
    this.settled = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  /** What holds `settled` up. */
  get problem(): string | undefined {
    return this.#served === undefined
      ? 'which custom resources are served is not known yet'
      : this.#options.policies.problem;
  }

  /** Undefined until the API server has been asked. */
  get served(): readonly CustomResource[] | undefined {
    return this.#served && [...this.#served];
  }

  start(): void {
    this.#keeping = setInterval(() => {
      if (this.#served?.has('neighbours')) void this.#keep();
    }, keepMs);
    void this.#discoverAgain();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#discovery);
    clearInterval(this.#keeping);
    this.#options.policies.stop();
  }

  async #keep(): Promise<void> {
    if (!(await this.#options.keepNeighbours())) await this.#discover();
  }

  async #discoverAgain(): Promise<void> {
    await this.#discover();
    if (this.#stopped) return;
    const pauseMs = this.#served === undefined ? firstDiscoveryMs : discoveryMs;
    this.#discovery = setTimeout(() => void this.#discoverAgain(), pauseMs);
  }

  async #discover(): Promise<void> {
    const { api, log, policies } = this.#options;
    let served: ReadonlySet<CustomResource>;
    try {
      served = await servedCustomResources(api);
    } catch (error) {
      log.warn({ err: error }, 'which custom resources are served could not be asked');
      return;
    }
    if (this.#stopped) return;
    const before = this.#served;
    this.#served = served;
    if (served.has('offloadpolicies')) policies.start(this.#settle);
    else {
      policies.end();
      this.#settle();
    }
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
