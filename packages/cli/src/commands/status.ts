/** `spillway status`: what this cluster's agent has and does. */
import { styleText } from 'node:util';
import { type StatusResponse, statusResponse } from '@spillway/agent/api-schemas';
import { Command } from 'commander';
import { agentOf, type ConnectionOptions, withAgent } from '../connection/options.ts';
import { type Format, rendered, withOutput } from '../output/format.ts';
import { pairs } from '../output/table.ts';
import { shown, type WatchOptions, withWatch } from '../output/watch.ts';
import { age, countsText, cpus, gibibytes, roomText } from '../output/words.ts';

type Options = ConnectionOptions & WatchOptions & { readonly output: Format };

export function statusCommand(): Command {
  const command = new Command('status')
    .description('show what this cluster’s agent has and does')
    .addHelpText(
      'after',
      `
Examples:
  spillway status                        the cluster of the kubeconfig's current context
  spillway status --context lyon -w      another cluster, refreshed
  spillway status -o json | jq .away     pods of this cluster at each neighbour`,
    );
  return withWatch(withOutput(withAgent(command))).action(async (options: Options) => {
    const agent = await agentOf(options);
    await shown(async () => {
      const value = await agent.ask(statusResponse, { path: '/v1/status' });
      return rendered(options.output, {
        value,
        table: (wide) => statusText(value, wide),
        names: ({ cluster }) => [`cluster/${cluster}`],
      });
    }, options);
  });
}

export function statusText(status: StatusResponse, wide = false): string {
  const { cluster, version, instance } = status;
  if (!status.active)
    return `${cluster}: the agent ${instance || 'asked'} (${version}) stands by; another agent is active`;
  const { cpu, memory, guests, certificateExpiresInMs: expires } = status;
  return pairs([
    ['Cluster:', cluster],
    [
      'Agent:',
      `${instance || 'a process'} ${version}, ${status.ready ? styleText('green', 'ready') : styleText('red', 'not ready yet')}`,
    ],
    [
      'Certificate:',
      expires > 0 ? `expires in ${age(expires)}` : styleText('red', `expired ${age(-expires)} ago`),
    ],
    ['Nodes:', status.nodes],
    ['CPU free:', `${cpus(cpu.freeMilli)} of ${cpus(cpu.allocatableMilli)}`],
    ['Memory free:', `${gibibytes(memory.freeBytes)} of ${gibibytes(memory.allocatableBytes)}`],
    ['Room for:', roomText(status.room)],
    ['Neighbours:', status.neighbours || 'none heard since this agent became active'],
    ...(status.cordoned.length > 0
      ? [['Cordoned:', status.cordoned.join(' ')] satisfies [string, string]]
      : []),
    ['Our pods waiting:', status.waiting],
    ['Our pods away:', countsText(status.away)],
    ['Guests here:', countsText(guests.byHome)],
    ['Slots held:', guests.held],
    ...(wide ? wideRows(status) : []),
  ]);
}

function wideRows(status: Extract<StatusResponse, { active: true }>): [string, string | number][] {
  return [
    ['More guests:', status.guests.free],
    ['Peer:', status.peer],
    ['Addresses:', status.addresses.join(' ')],
    ['Reached through:', status.relay.waitsAt.join(' ') || '-'],
    [
      'Relays:',
      `${status.relay.circuits} connections of others, ${status.relay.reservations} members wait`,
    ],
    ['Custom resources:', status.customResources.join(', ') || 'none'],
    ['Epoch:', status.epoch],
    ['Refused:', countsText(status.refused)],
    ['Events dropped:', status.eventsDropped],
    ['Agent’s memory:', `${Math.round(status.rssBytes / 1e6)}MB`],
  ];
}
