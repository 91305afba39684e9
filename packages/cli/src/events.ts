/** Kubernetes events that Spillway wrote: listed, then watched. */
import { Fault } from '@spillway/core';
import { z } from 'zod';
import type { UserCluster } from './connection/cluster.ts';
import { read } from './connection/find-agent.ts';

export const eventOutput = z.object({
  name: z.string(),
  namespace: z.string(),
  pod: z.string(),
  type: z.string().describe('Normal or Warning'),
  reason: z.string(),
  message: z.string(),
  count: z.number().int(),
  first: z.string(),
  last: z.string(),
});
type SpillwayEvent = z.infer<typeof eventOutput>;

interface KubernetesEvent {
  readonly metadata: {
    readonly name?: string;
    readonly namespace?: string;
    readonly resourceVersion?: string;
    readonly creationTimestamp?: string;
  };
  readonly involvedObject?: { readonly name?: string };
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly count?: number;
  readonly firstTimestamp?: string | null;
  readonly lastTimestamp?: string | null;
}

/** As the agent's recorder names itself. */
const selector = 'reportingComponent%3Dspillway';
/** How long a watch may be silent before it is opened again (ms). */
const idleMs = 300_000;

/** @throws Fault `PermissionDenied` */
export async function eventsOf(
  cluster: UserCluster,
  namespace: string | undefined,
): Promise<{ readonly events: readonly SpillwayEvent[]; readonly resourceVersion: string }> {
  const list = await read<{
    readonly metadata: { readonly resourceVersion?: string };
    readonly items: readonly KubernetesEvent[];
  }>(cluster, `${pathOf(namespace)}?fieldSelector=${selector}`);
  return { events: inOrder(list.items), resourceVersion: list.metadata.resourceVersion ?? '' };
}

/** The oldest first. Times are whole seconds: within one, in the order in which they were written. */
export function inOrder(events: readonly KubernetesEvent[]): readonly SpillwayEvent[] {
  return events
    .map((event) => ({ event: shown(event), written: Number(event.metadata.resourceVersion) }))
    .sort((a, b) => compared(a.event.last, b.event.last) || a.written - b.written)
    .map(({ event }) => event);
}

function compared(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** Until it is interrupted. A watch that ends is resumed where it was. */
export async function* eventsSince(
  cluster: UserCluster,
  namespace: string | undefined,
  from: string,
): AsyncIterable<SpillwayEvent> {
  let resourceVersion = from;
  for (;;) {
    const path = `${pathOf(namespace)}?watch=1&allowWatchBookmarks=true&fieldSelector=${selector}&resourceVersion=${resourceVersion}`;
    for await (const line of watched(cluster, path)) {
      const { type, object } = JSON.parse(line) as { type: string; object: KubernetesEvent };
      if (type === 'ERROR')
        throw new Fault(
          'Unavailable',
          `the watch of events ended: ${object.message ?? ''}; run the command again`,
        );
      resourceVersion = object.metadata.resourceVersion ?? resourceVersion;
      if (type === 'ADDED' || type === 'MODIFIED') yield shown(object);
    }
  }
}

async function* watched({ api }: UserCluster, path: string): AsyncIterable<string> {
  try {
    yield* api.lines(path, { idleMs, signal: new AbortController().signal });
  } catch (error) {
    if (!(error instanceof Fault) || !error.message.includes('silent for')) throw error;
  }
}

function pathOf(namespace: string | undefined): string {
  return namespace === undefined ? '/api/v1/events' : `/api/v1/namespaces/${namespace}/events`;
}

function shown({ metadata, involvedObject, ...event }: KubernetesEvent): SpillwayEvent {
  const made = metadata.creationTimestamp ?? '';
  return {
    name: metadata.name ?? '',
    namespace: metadata.namespace ?? '',
    pod: involvedObject?.name ?? '',
    type: event.type ?? 'Normal',
    reason: event.reason ?? '',
    message: event.message ?? '',
    count: event.count ?? 1,
    first: event.firstTimestamp ?? made,
    last: event.lastTimestamp ?? made,
  };
}
