/** `spillway explain TYPE NAME`: why pods wait, or where they are. */
import { styleText } from 'node:util';
import { Command } from 'commander';
import type { z } from 'zod';
import { clusterIfAny, userCluster } from '../connection/cluster.ts';
import { agentOf, type ConnectionOptions, withAgent } from '../connection/options.ts';
import {
  explainPod,
  explainWorkload,
  type podExplanation,
  type workloadExplanation,
} from '../explanations.ts';
import { type Format, print, rendered, withOutput } from '../output/format.ts';
import { table } from '../output/table.ts';
import { plural } from '../output/words.ts';
import { workloadNamed, type WorkloadType, workloadTypes } from '../workloads.ts';

type Options = ConnectionOptions & { readonly namespace?: string; readonly output: Format };

type PodExplanation = z.infer<typeof podExplanation>;

export function explainCommand(): Command {
  const types = workloadTypes.map(({ names: [name = '', _plural, short] }) =>
    short === undefined ? name : `${name} (${short})`,
  );
  const command = new Command('explain')
    .description('explain why pods wait, or where they run')
    .argument('<type>', `${types.join(', ')}; or TYPE/NAME`)
    .argument('[name]')
    .option('-n, --namespace <name>', 'namespace. Default: the context’s')
    .addHelpText(
      'after',
      `
Examples:
  spillway explain pod web-7 -n shop           why it waits, neighbour by neighbour
  spillway explain deployment web -n shop      all its pods
  spillway explain rs/web-5d9c -n shop
  spillway explain pod web-7 -o json | jq .neighbours`,
    );
  return withOutput(withAgent(command), ['table', 'json', 'yaml']).action(
    async (given: string, then: string | undefined, options: Options) => {
      const { type, name } = workloadNamed(given, then);
      print(await (type.kind === 'Pod' ? pod(name, options) : workload(type, name, options)));
    },
  );
}

async function pod(name: string, options: Options): Promise<string> {
  const agent = await agentOf(options);
  const cluster = await clusterIfAny(options);
  const namespace = options.namespace ?? cluster?.namespace ?? 'default';
  const value = await explainPod({ namespace, name }, { agent, cluster });
  return rendered(options.output, { value, table: () => podText(value) });
}

async function workload(type: WorkloadType, name: string, options: Options): Promise<string> {
  const cluster = await userCluster(options);
  const agent = await agentOf(options);
  const namespace = options.namespace ?? cluster.namespace;
  const value = await explainWorkload(type, { namespace, name }, { agent, cluster });
  return rendered(options.output, { value, table: () => workloadText(value) });
}

export function podText(explanation: PodExplanation): string {
  const { name, state } = explanation;
  switch (state) {
    case 'away':
      return `${name} ${awayText(explanation)}`;
    case 'guest':
      return guestText(explanation);
    case 'foreign':
      return `${name} does not run: ${explanation.message}`;
    case 'home':
      return `${name} is at home, on node ${explanation.node} (${explanation.phase}).`;
    case 'other':
      return `${name} is not Spillway's: ${explanation.message}.`;
    case 'waiting': {
      const rows = Object.entries(explanation.neighbours).sort(([a], [b]) => (a < b ? -1 : 1));
      return [
        `${name} waits: ${explanation.message}`,
        `policy ${explanation.policy.text} (${explanation.policy.source})`,
        ...(rows.length > 0 ? ['', table(['NEIGHBOUR', 'REASON'], rows)] : []),
      ].join('\n');
    }
  }
}

type Away = Extract<PodExplanation, { state: 'away' }>;

/** What its host has made of it, as far as is known: never that it is there when it is not. */
function awayText(away: Away): string {
  const { host: plain, phase, status, wasThere, guestNamespace, problem, joined, leftOut } = away;
  const host = styleText('bold', plain);
  const because = problem === undefined ? '.' : `: ${problem}.`;
  switch (phase) {
    case 'committing':
      return problem === undefined
        ? `is bound to ${host}, which will create it now.`
        : `is bound to ${host}, which does not create it${because} The home tries again.`;
    case 'away':
      return [
        `is at ${host} (${status}), in namespace ${guestNamespace}.`,
        ...(leftOut.length === 0 ? [] : [`${host} runs it without ${leftOut.join(', ')}.`]),
        ...(joined ? [] : ['Services here do not list it: the pod networks are not joined.']),
      ].join('\n');
    case 'withdrawing':
      return `is being withdrawn from ${host}${because}`;
    case 'ending':
      return wasThere
        ? `is being deleted here and at ${host}.`
        : `is being deleted. It was never at ${host}.`;
    case 'finished':
      return wasThere
        ? `was at ${host} and has ended (${status})${because}`
        : `has ended (${status}) and was never at ${host}${because}`;
  }
}

function guestText(guest: Extract<PodExplanation, { state: 'guest' }>): string {
  const { name, home, homeNamespace, node, status, troubles } = guest;
  const trouble = troubles.length > 0 ? `: ${troubles.join('; ')}` : '';
  return [
    `${name} is a guest of ${styleText('bold', home)}, where it is pod ${name} in namespace ${homeNamespace}.`,
    `It is on node ${node} (${status})${trouble}.`,
  ].join('\n');
}

export function workloadText(value: z.infer<typeof workloadExplanation>): string {
  const { name, pods, wanted } = value;
  const rows = pods.map((pod) => [pod.name, pod.status ?? '-', stateText(pod), whereText(pod)]);
  const waiting = pods.find(({ state }) => state === 'waiting');
  return [
    `${name}: ${plural(wanted, 'pod')} wanted, ${pods.length} created`,
    ...(rows.length > 0 ? ['', table(['POD', 'STATUS', 'STATE', 'WHERE'], rows)] : []),
    ...(waiting === undefined ? [] : ['', podText(waiting)]),
  ].join('\n');
}

/** One that its host never made is nowhere. */
function wasRefused(pod: PodExplanation): boolean {
  return pod.state === 'away' && pod.phase === 'finished' && !pod.wasThere;
}

function stateText(pod: PodExplanation): string {
  return wasRefused(pod) ? 'refused' : pod.state;
}

function whereText(pod: PodExplanation): string {
  switch (pod.state) {
    case 'away':
      return wasRefused(pod) ? '-' : pod.host;
    case 'home':
    case 'guest':
      return pod.node;
    case 'waiting':
    case 'other':
    case 'foreign':
      return '-';
  }
}
