/** What the handlers of the HTTP API read of an active agent. */
import type { Neighbours } from '@spillway/agent-core';
import type { Clock, ClusterName } from '@spillway/core';
import type { Directory, Home, Host, PolicyBook } from '@spillway/federation';
import type { ApiClient, EventRecorder, Pods } from '@spillway/kubernetes';
import type { Mesh } from '@spillway/mesh';
import type { Ledger } from '@spillway/scheduling';
import type { AgentOptions } from '../config/options.ts';
import type { RevocationKeeper } from '../membership/revocation-keeper.ts';
import type { Log } from '../reporting/log.ts';
import type { CustomResources } from '../resources/custom-resources.ts';
import type { SettingProblems } from '../resources/setting-problems.ts';

export interface AgentContext {
  readonly options: AgentOptions;
  readonly epoch: number;
  readonly mesh: Mesh;
  readonly home: Home;
  readonly host: Host;
  readonly ledger: Ledger;
  readonly directory: Directory;
  readonly neighbours: Neighbours;
  readonly recorder: EventRecorder;
  readonly settings: SettingProblems;
  readonly resources: CustomResources;
  readonly policies: PolicyBook;
  readonly revocations: RevocationKeeper;
  readonly pods: Pods;
  readonly api: ApiClient;
  /** The neighbours that have a node here. */
  readonly virtualNodes: () => Iterable<ClusterName>;
  readonly clock: Clock;
  readonly synced: () => boolean;
  readonly log: Log;
}
