/**
 * One member as a process of its own, for tests that put it where others can't dial it. Started with an
 * IPC channel; speaks every half second, answers `Reserve`, and ends with its parent.
 */
import { clusterName } from '@spillway/core';
import { readPrivateKey } from '../identity/keys.ts';
import type { RelayState } from '../relay/relay-options.ts';
import { startMember } from './federation.ts';

export interface MemberConfig {
  readonly name: string;
  /** The federation's root key, as text. */
  readonly root: string;
  /** As text; absent: a new one. */
  readonly key?: string;
  readonly epoch?: number;
  readonly listen: readonly string[];
  readonly announce: readonly string[];
  readonly bootstrap: readonly string[];
}

export type MemberCommand =
  | { readonly kind: 'look' }
  /** Number of calls, one after the other. */
  | { readonly kind: 'reserve'; readonly of: string; readonly calls: number };

export interface MemberView {
  readonly addresses: readonly string[];
  /** `direct`, or `relayed` with by whom, by cluster. */
  readonly paths: Readonly<Record<string, string>>;
  readonly rttsMs: Readonly<Record<string, number>>;
  readonly relay: RelayState;
  /** Clusters of which an advert has come within the last two seconds. */
  readonly heard: readonly string[];
  readonly rssBytes: number;
}

export interface ReserveOutcome {
  readonly granted: number;
  /** Of each call. */
  readonly tookMs: readonly number[];
}

const speakMs = 500;
const heardMs = 2_000;

async function main({ root, key, ...config }: MemberConfig): Promise<void> {
  const heardAt = new Map<string, number>();
  const member = await startMember({
    ...config,
    root: readPrivateKey(root),
    ...(key !== undefined && { key: readPrivateKey(key) }),
    handler: { reserve: async (_caller, { count }) => ({ granted: count, verdicts: [] }) },
    onAdvert: ({ cluster }) => heardAt.set(cluster, Date.now()),
  });
  const { mesh } = member;
  const look = (): MemberView => ({
    addresses: mesh.addresses(),
    paths: Object.fromEntries(
      mesh.connected().map(({ cluster, peer }) => {
        const { kind = 'none', via = '' } = mesh.paths().get(peer) ?? {};
        return [cluster, `${kind} ${via}`.trim()];
      }),
    ),
    rttsMs: Object.fromEntries(member.rtts),
    relay: mesh.relay(),
    heard: [...heardAt].filter(([, at]) => Date.now() - at < heardMs).map(([name]) => name),
    rssBytes: process.memoryUsage.rss(),
  });
  const reserve = async (of: string, calls: number): Promise<ReserveOutcome> => {
    const tookMs: number[] = [];
    let granted = 0;
    for (let i = 0; i < calls; i++) {
      const begun = performance.now();
      const answer = await mesh.negotiator(clusterName(of)).reserve(
        {
          homeEpoch: 1,
          requestId: `${begun}`,
          namespace: 'shop',
          labels: {},
          spec: { containers: [{ name: 'main', image: 'web' }] },
          count: 1,
        },
        { deadlineMs: 5_000 },
      );
      granted += answer.granted;
      tookMs.push(performance.now() - begun);
    }
    return { granted, tookMs };
  };
  process.on('message', ({ id, command }: { id: number; command: MemberCommand }) => {
    const answer =
      command.kind === 'look' ? Promise.resolve(look()) : reserve(command.of, command.calls);
    answer.then(
      (value) => process.send?.({ id, value }),
      (error: unknown) => process.send?.({ id, error: String(error) }),
    );
  });
  process.on('disconnect', () => process.exit(0));
  setInterval(() => void member.publish().catch(() => {}), speakMs);
}

await main(JSON.parse(process.argv[2] ?? '') as MemberConfig);
