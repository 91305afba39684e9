/**
 * An agent. A standby has a Lease to wait for, health and metrics; the active one has all the rest.
 * Losing the Lease ends the process: what an agent knows lies in the API server.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { randomStream } from '@spillway/core';
import { PolicyBook } from '@spillway/federation';
import { ActiveLabel, ApiClient, LeaseElector } from '@spillway/kubernetes';
import { type ActiveAgent, startActive, systemClock } from './compose.ts';
import { startHttpServer } from './api/http-server.ts';
import { readIdentity } from './membership/identity.ts';
import { createLog } from './reporting/log.ts';
import { createMetrics } from './reporting/metrics.ts';
import type { AgentOptions } from './config/options.ts';
import { standbyResponse } from './api/agent-api.ts';

export interface Agent {
  readonly httpPort: number;
  /** Ends everything. Gives the Lease back when no write can take effect any longer; otherwise it expires. */
  stop(): Promise<void>;
}

/** How long a stopping agent waits for its writes (ms). A call to the API server takes 10 s at the most. */
const drainMsMax = 15_000;

/** `onLost` is called once when this agent may no longer act. The process should end. */
export async function startAgent(
  options: AgentOptions,
  onLost: (reason: string) => void,
): Promise<Agent> {
  const log = createLog({ level: options.log.level, cluster: options.cluster });
  const metrics = createMetrics();
  const identity = readIdentity(options);
  if (identity.keyIsOpen)
    log.warn(
      { file: options.identity.key },
      'every user can read the peer key: set its mode to 0600',
    );
  const policies = new PolicyBook(options.policy);
  const api = new ApiClient({ kubeconfig: options.kubeconfig, userAgent: 'spillway-agent' });
  let active: ActiveAgent | undefined;
  let starting: Promise<void> = Promise.resolve();
  const label = new ActiveLabel({
    api,
    pod: options.pod,
    onProblem: (error) => log.warn({ err: error }, 'the label of the active pod could not be set'),
  });
  const elector = new LeaseElector({
    api,
    clock: systemClock,
    random: randomStream(Date.now() % 2 ** 31, 'lease'),
    ...options.lease,
    instance: options.instance,
    onActive: (epoch) => {
      log.info({ epoch }, 'active');
      metrics.active.set(1);
      if (options.pod.name !== '') label.start();
      const onBroken = (error: unknown): void => {
        log.error({ err: error }, 'an invariant is broken');
        onLost((error as Error).message);
      };
      const running = { options, log, metrics, identity, policies, api, epoch, onBroken };
      starting = startActive(running).then(
        (agent) => {
          active = agent;
        },
        (error: unknown) => {
          log.error({ err: error }, 'could not start');
          onLost((error as Error).message);
        },
      );
    },
    onLost,
    onProblem: (error) => log.warn({ err: error }, 'Lease could not be read or written'),
  });
  // A standby is ready when it stands by: a rolling update goes on only where the next could take over.
  const notReady = (): string | undefined => {
    if (!elector.hasLooked) return 'the Lease could not be read yet';
    if (!elector.active) return undefined;
    return active === undefined ? 'the agent is starting' : active.notReady();
  };
  const http = await startHttpServer(options.http, {
    healthy: () => true,
    notReady,
    respond: async (request) => {
      if (active !== undefined) return await active.api.respond(request);
      return standbyResponse(request, options);
    },
    metrics,
  });
  elector.start();
  log.info({ http: http.port }, 'started');
  return {
    httpPort: http.port,
    async stop() {
      await starting;
      const drained = await within(drainMsMax, Promise.all([active?.stop(), label.stop()]));
      const settled = drained && (active?.isSettled() ?? true);
      if (!settled)
        log.warn({ drainMsMax }, 'writes may still take effect; the Lease expires by itself');
      await elector.stop({ giveBack: settled });
      await http.stop();
      api.close();
    },
  };
}

/** Whether `work` ended in time. */
async function within(ms: number, work: Promise<unknown>): Promise<boolean> {
  const late = new AbortController();
  const inTime = work.then(() => true);
  const tooLate = sleep(ms, false, { signal: late.signal }).catch(() => false);
  try {
    return await Promise.race([inTime, tooLate]);
  } finally {
    late.abort();
  }
}
