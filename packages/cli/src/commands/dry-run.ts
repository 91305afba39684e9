/** `spillway dry-run -f FILE`: where the pods of manifests would go now, and why not elsewhere. */
import { styleText } from 'node:util';
import { type DryRunResponse, dryRunResponse } from '@spillway/agent/api-schemas';
import { manifestSources } from '@spillway/manifests';
import { Command } from 'commander';
import { userCluster } from '../connection/cluster.ts';
import { agentOf, agentUrl, type ConnectionOptions, withAgent } from '../connection/options.ts';
import { batchesIn, type Manifests } from '../manifests.ts';
import { priorityClassesOf, withPriorities } from '../priorities.ts';
import { type Format, print, rendered, withOutput } from '../output/format.ts';
import { table } from '../output/table.ts';
import { plural, rtt } from '../output/words.ts';

type Options = ConnectionOptions & {
  readonly file: readonly string[];
  readonly namespace?: string;
  readonly ask: boolean;
  readonly output: Format;
};
type Batch = DryRunResponse['batches'][number];

/** Each neighbour that can't be reached takes seconds. */
const askingMsMax = 120_000;

export function dryRunCommand(): Command {
  const command = new Command('dry-run')
    .description('show where the pods of manifests would go now, and why not elsewhere')
    .requiredOption(
      '-f, --file <path...>',
      'manifests in YAML or JSON: files, folders, folders with a kustomization, or - for standard input',
    )
    .option(
      '--ask',
      'ask each neighbour that would get pods: it reserves room for one pod, and tries it',
      false,
    )
    .option('-n, --namespace <name>', 'namespace of objects that name none. Default: the context’s')
    .addHelpText(
      'after',
      `
The command reads Pods, Deployments, ReplicaSets, StatefulSets and Jobs. With them it reads
PersistentVolumeClaims, PriorityClasses, and the labels and annotations of Namespaces. PriorityClasses of the
cluster count if you may list them, and if you do not name the agent by its address. The command creates
nothing, reserves nothing, and asks no neighbour. The agent runs its own pipeline on its nodes and on its
neighbours' adverts. Each host decides for itself in the end. With --ask, each neighbour that would get pods
receives one of them, as if that pod existed, and tries it.

Examples:
  spillway dry-run -f deployment.yaml
  spillway dry-run -f overlays/prod      a folder with a kustomization: kubectl builds it
  helm template my-chart | spillway dry-run -f - -n shop
  spillway dry-run -f job.yaml -o json | jq '.batches[] | {name, nowhere}'

Exit code 1 if a pod would find no room anywhere.`,
    );
  return withOutput(withAgent(command), ['table', 'wide', 'json', 'yaml']).action(
    async (options: Options) => {
      const sources = manifestSources(options.file);
      const agent = await agentOf(options);
      const namespace = options.namespace ?? (await contextNamespace(options));
      const manifests = batchesIn(sources, namespace);
      const { namespaces, claims, priorityClasses } = manifests;
      const cluster = agentUrl(options) === '' ? await userCluster(options) : undefined;
      const { batches, unknownClasses } = withPriorities(manifests.batches, {
        given: priorityClasses,
        existing: cluster && (await priorityClassesOf(cluster)),
      });
      const value = await agent.ask(dryRunResponse, {
        path: '/v1/dry-run',
        body: { batches, namespaces, ask: options.ask, ...(claims.length > 0 && { claims }) },
        ...(options.ask && { timeoutMs: askingMsMax }),
      });
      const { skipped, accounts } = manifests;
      const told = { skipped, asked: options.ask, unknownClasses, accounts };
      print(rendered(options.output, { value, table: (wide) => dryRunText(value, told, wide) }));
      if (value.batches.some(({ nowhere }) => nowhere > 0)) process.exitCode = 1;
    },
  );
}

/** Where the agent is named by its address there may be no kubeconfig at all. */
async function contextNamespace(options: Options): Promise<string> {
  if (agentUrl(options) !== '') return 'default';
  return (await userCluster(options)).namespace;
}

export function dryRunText(
  answer: DryRunResponse,
  { skipped, ...unchecked }: Pick<Manifests, 'skipped'> & Unchecked,
  wide = false,
): string {
  const parts = answer.batches.map((batch) => batchText(batch, answer.cluster, wide));
  if (parts.length > 0) parts.push(uncheckedText(answer, unchecked));
  if (skipped.length > 0) parts.push(`Ignored: ${skipped.join(', ')}.`);
  return parts.join('\n\n') || 'These manifests have no pods.';
}

interface Unchecked {
  /** The neighbours have tried the pods. */
  readonly asked: boolean;
  /** PriorityClasses that pods name, and that could not be read: their priority counted as 0. */
  readonly unknownClasses?: readonly string[];
  /** ServiceAccounts of the cluster, which may switch off the token that holds their pods back. */
  readonly accounts?: readonly string[];
}

/** What decides, too, and was not looked at here. */
function uncheckedText(
  { cluster, batches }: DryRunResponse,
  { asked, unknownClasses = [], accounts = [] }: Unchecked,
): string {
  const unchecked = [
    `quota, Pod Security and webhooks of ${cluster}`,
    ...(asked ? [] : ['the same of neighbours (--ask checks it)']),
    ...(batches.every(({ scheduler }) => scheduler === 'spillway')
      ? []
      : ['preemption by the cluster’s own scheduler']),
    ...unknownClasses.map((name) => `the priority of PriorityClass ${name}`),
    ...accounts.map((name) => `automountServiceAccountToken of ServiceAccount ${name}`),
  ];
  return `Not checked: ${unchecked.join('; ')}.`;
}

/** Maximum of pods in one note that are named. */
const victimsNamedMax = 3;

const schedulers: Readonly<Record<Batch['scheduler'], string>> = {
  spillway: 'Spillway schedules them',
  offered: 'may leave if the cluster’s own scheduler finds no room',
  other:
    'not Spillway’s: the namespace is not labelled spillway.dev/offload=enabled, or the pods have scheduling gates or a nodeName',
};

function batchText(batch: Batch, cluster: string, wide: boolean): string {
  const { name, namespace, count, home, preempting, neighbours, nowhere } = batch;
  const { policy, needs, guestNamespace } = batch;
  const atHome = home.reduce((sum, place) => sum + place.count, 0);
  const nodes = home.map((place) => `${place.node} ${place.count}`).join(', ');
  const condition =
    needs.length === 0
      ? 'if its agent agrees'
      : `if its agent agrees, and has ${needs.join(', ')} in namespace ${guestNamespace}`;
  const places: string[][] = [];
  if (atHome > 0) places.push([`${atHome}`, `${cluster} (home)`, '', nodes]);
  for (const { count: there, node, victims } of preempting)
    places.push([`${there}`, `${cluster} (home)`, '', `${node}, after it ends ${named(victims)}`]);
  for (const place of neighbours)
    places.push([`${place.count}`, place.cluster, rtt(place.rttMs), noteOf(place, condition)]);
  if (nowhere > 0) places.push([`${nowhere}`, styleText('red', 'nowhere'), '', 'would wait']);
  const lines = [
    `${styleText('bold', name)} in ${namespace}: ${plural(count, 'pod')}; ${schedulers[batch.scheduler]}`,
    `policy ${policy.text} (${policy.source})`,
    ...(policy.problem === undefined ? [] : [styleText('red', policy.problem)]),
    '',
    table(['PODS', 'WHERE', 'RTT', 'NOTE'], places),
  ];
  const apart = batch.neighbours.filter(({ endpoint }) => !endpoint).map((place) => place.cluster);
  if (batch.opensPorts && apart.length > 0) {
    lines.push(
      '',
      `Services of ${cluster} will not list those at ${apart.join(', ')}: pod networks are not joined.`,
    );
  }
  const why = whyNot(batch, cluster, wide);
  if (why.length > 0) lines.push('', table(['NO MORE AT', 'WHY'], why));
  return lines.join('\n');
}

/** Pods that end: some of their names. */
function named(victims: Batch['preempting'][number]['victims']): string {
  const names = victims.slice(0, victimsNamedMax).map((pod) => `${pod.namespace}/${pod.name}`);
  const rest = victims.length - names.length;
  const more = rest > 0 ? ` and ${rest} more` : '';
  return `${plural(victims.length, 'pod')} of lower priority (${names.join(', ')}${more})`;
}

function noteOf({ agrees, dropped }: Batch['neighbours'][number], condition: string): string {
  if (agrees !== true) return condition;
  return dropped.length === 0 ? 'it agrees' : `it agrees, without ${dropped.join(', ')}`;
}

function whyNot(batch: Batch, cluster: string, wide: boolean): string[][] {
  const { whyNotHome, stays, others, nowhere } = batch;
  const rows: string[][] = [];
  if (whyNotHome.length > 0) {
    const reasons = whyNotHome.map(({ nodes, reason }) =>
      nodes === undefined ? reason : `${plural(nodes, 'node')}: ${reason}`,
    );
    rows.push([`${cluster} (home)`, reasons.join('; ')]);
  }
  if (stays.length > 0)
    rows.push([
      'any neighbour',
      `must stay at home: it ${stays.map(({ reason }) => reason).join('; ')}`,
    ]);
  // Where all have found a place, who else could have taken them is for those who ask for it.
  if (stays.length > 0 || (nowhere === 0 && whyNotHome.length === 0 && !wide)) return rows;
  for (const { cluster: name, rttMs, fits, why } of others) {
    rows.push([`${name} ${rtt(rttMs)}`, fits > 0 ? `${why}; has room for ${fits} more` : why]);
  }
  return rows;
}
