/** `spillway events`: what Spillway has said of pods, as Kubernetes events. */
import { styleText } from 'node:util';
import { Command } from 'commander';
import type { z } from 'zod';
import { type UserCluster, userCluster } from '../connection/cluster.ts';
import { requireNamespace } from '../connection/find-agent.ts';
import { withCluster, type ConnectionOptions } from '../connection/options.ts';
import { eventsOf, type eventOutput, eventsSince } from '../events.ts';
import { type Format, print, rendered, withOutput } from '../output/format.ts';
import { table } from '../output/table.ts';
import { age } from '../output/words.ts';

type Options = Pick<ConnectionOptions, 'context' | 'kubeconfig'> & {
  readonly namespace?: string;
  readonly allNamespaces: boolean;
  readonly watch: boolean;
  readonly output: Format;
};
type Event = z.infer<typeof eventOutput>;

const reasonColumns = 'FailedScheduling'.length;

export function eventsCommand(): Command {
  const command = new Command('events')
    .description('list Spillway’s events about pods, oldest first')
    .option('-n, --namespace <name>', 'namespace. Default: the context’s')
    .option('-A, --all-namespaces', 'all namespaces', false)
    .option('-w, --watch', 'also show new events until Ctrl-C', false)
    .addHelpText(
      'after',
      `
They are Kubernetes events: Scheduled, FailedScheduling, Preempted, Offloading, Offloaded, GuestRefused,
GuestLost, GuestEnded. The API server keeps them for one hour by default.

Examples:
  spillway events -n shop
  spillway events -A -w
  spillway events -A -o json | jq '.[] | select(.type == "Warning")'

With -w and -o json, one event per line.`,
    );
  return withOutput(withCluster(command), ['table', 'wide', 'json', 'yaml', 'name']).action(
    async (options: Options) => {
      const cluster = await userCluster(options);
      const namespace = options.allNamespaces
        ? undefined
        : (options.namespace ?? cluster.namespace);
      const { events, resourceVersion } = await eventsOf(cluster, namespace);
      if (events.length === 0 && namespace !== undefined)
        await requireNamespace(cluster, namespace);
      if (options.watch)
        return await follow({ cluster, namespace, events, resourceVersion }, options);
      print(
        rendered(options.output, {
          value: events,
          table: (wide) => eventsText(events, { wide, namespace }),
          names: (all) => all.map(({ name }) => `event/${name}`),
        }),
      );
      cluster.api.close();
    },
  );
}

async function follow(
  from: {
    readonly cluster: UserCluster;
    readonly namespace: string | undefined;
    readonly events: readonly Event[];
    readonly resourceVersion: string;
  },
  { output }: Options,
): Promise<void> {
  for (const event of from.events) print(lineOf(event, output));
  for await (const event of eventsSince(from.cluster, from.namespace, from.resourceVersion))
    print(lineOf(event, output));
}

function lineOf(event: Event, output: Format): string {
  if (output === 'json') return JSON.stringify(event);
  if (output === 'yaml') return `---\n${rendered('yaml', { value: event, table: () => '' })}`;
  if (output === 'name') return `event/${event.name}`;
  const { last, type, reason, namespace, pod, message } = event;
  // Columns without knowing what comes: as wide as the longest reason.
  return `${last}  ${typeText(type.padEnd('Warning'.length))}  ${reason.padEnd(reasonColumns)}  ${namespace}/${pod}  ${message}`;
}

export function eventsText(
  events: readonly Event[],
  { wide, namespace }: { readonly wide: boolean; readonly namespace: string | undefined },
): string {
  const all = namespace === undefined;
  if (events.length === 0) {
    const where = all ? '' : ` in namespace ${namespace}`;
    return `Spillway has written no events about pods${where} lately.${all ? '' : ' -A shows all namespaces.'}`;
  }
  return table(
    [
      ...(all ? ['NAMESPACE'] : []),
      'LAST',
      'TYPE',
      'REASON',
      'POD',
      ...(wide ? ['COUNT'] : []),
      'MESSAGE',
    ],
    events.map((event) => [
      ...(all ? [event.namespace] : []),
      age(Date.now() - Date.parse(event.last)),
      typeText(event.type),
      event.reason,
      event.pod,
      ...(wide ? [event.count] : []),
      event.message,
    ]),
    { optional: ['TYPE', 'LAST'] },
  );
}

function typeText(type: string): string {
  return type === 'Warning' ? styleText('yellow', type) : type;
}
