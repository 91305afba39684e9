/**
 * Peers without, or with a bad, membership, and a member gone bad: nothing that they say is believed,
 * the pods of others go where they should meanwhile, and no agent's memory grows without bound.
 */
import { connect, type Socket } from 'node:net';
import { clusterName } from '@spillway/core';
import { issueCertificate, newKey, peerIdOf, type PrivateKey } from '@spillway/mesh';
import { decodeAdvert, encodeAdvert } from '@spillway/wire';
import { waitFor } from '@spillway/testbed';
import type { AgentProcess } from '../federation/agent-process.ts';
import type { Federation } from '../federation/federation.ts';
import { createdToBoundMs, perSecond, placementsIn } from '../observation/placements.ts';
import { auditFigures, idleRssMb, offloadRttMs, peakRssMb, tenths } from '../report/figures.ts';
import { auditLine, latencyLine, line, memoryLine, percent } from '../report/lines.ts';
import { makeBurst } from './burst-pods.ts';
import type { Drill } from './drill.ts';
import { Rogue } from './rogue.ts';
import { inNamespace, isRunning, Setting } from './setting.ts';

const connectionFlood = 300;
/** A handshake that does not end is ended by then. */
const hangerMsMax = 30_000;
const advertFlood = 5_000;
/** More than any advert may have. */
const oversizeBytes = 200_000;
/** What an agent may grow by under all of this, the burst included. */
const rssGrowthMbMax = 120;
/** What a forged advert claims to have, and nobody has. */
const forgedMilliCpu = 987_654_000;
const dayMs = 24 * 60 * 60 * 1000;

interface Finding {
  readonly stranger: string;
  readonly refused: boolean;
  /** What the attacked agent counted it as. */
  readonly counted: Readonly<Record<string, number>>;
}

export const strangers: Drill = async ({ pods, kubernetes }, say) => {
  const setting = await Setting.start({ clusters: 3, pods, kubernetes, say });
  try {
    const kubeSchedulerBindsPerSecond = await setting.kubeSchedulerBindsPerSecond(pods);
    const isolated = await setting.isolatedPendingRatio(pods);
    const federation = await setting.federation();
    const idle = idleRssMb(federation);
    const findings = [
      ...(await atTheDoor(federation, say)),
      ...(await inside(setting, federation, pods, say)),
    ];
    const namespace = 'meanwhile';
    const ran = await setting.settles(() => {
      const made = setting.pods(namespace);
      return made.length === pods && made.every(isRunning);
    });
    const placements = placementsIn(setting.histories, inNamespace(namespace));
    const peak = peakRssMb(federation);
    const figures = {
      pendingRatio: { spillway: setting.pendingRatio(namespace), isolated },
      createdToBoundMs: createdToBoundMs(placements),
      offloadsPerSecond: tenths(perSecond(placements)),
      kubeSchedulerBindsPerSecond,
      offloadRttMs: offloadRttMs(setting.testbed, setting.histories),
      strangers: findings,
      forgeriesBelieved: forgeriesIn(setting),
      audit: auditFigures(setting.histories),
      agentRssMb: { idle, peak },
    };
    const { pendingRatio } = figures;
    const text = [
      ...findings.map(({ stranger, refused, counted }) =>
        line(stranger, `${refused ? 'refused' : 'NOT REFUSED'}  ${JSON.stringify(counted)}`),
      ),
      line('forged adverts believed', `${figures.forgeriesBelieved}`),
      line(
        'pending pods meanwhile',
        `${percent(pendingRatio.spillway)}, ${percent(isolated)} without Spillway`,
      ),
      latencyLine(figures.createdToBoundMs, placements.length),
      auditLine(figures.audit),
      memoryLine(figures.agentRssMb),
    ].join('\n');
    const failures = [
      ...findings.flatMap(({ stranger, refused }) => (refused ? [] : [`${stranger}: not refused`])),
      ...(figures.forgeriesBelieved === 0 ? [] : ['a forged advert was believed']),
      ...(ran ? [] : [`not all ${pods} pods run`]),
      ...(peak - idle <= rssGrowthMbMax
        ? []
        : [`an agent grew by ${peak - idle} MB, more than ${rssGrowthMbMax} MB`]),
    ];
    return { figures, failures, text };
  } finally {
    await setting.stop();
  }
};

/** Those who never get in. */
async function atTheDoor(
  federation: Federation,
  say: (text: string) => void,
): Promise<readonly Finding[]> {
  const { root } = federation;
  const target = victimOf(federation);
  const otherRoot = await newKey();
  const now = Date.now();
  const certify = async (by: PrivateKey, key: PrivateKey, expiresMs: number) =>
    await issueCertificate(by, {
      cluster: clusterName('mallory'),
      peer: peerIdOf(key.publicKey),
      attributes: {},
      notBeforeMs: now - dayMs,
      expiresMs,
    });
  const kinds: readonly (readonly [
    string,
    (key: PrivateKey) => Promise<Uint8Array | undefined>,
  ])[] = [
    ['no certificate, plain Noise', async () => undefined],
    ['no certificate shown', async () => new Uint8Array()],
    ['another federation’s', async (key) => await certify(otherRoot, key, now + dayMs)],
    ['expired certificate', async (key) => await certify(root, key, now - 1_000)],
    ['somebody else’s', async () => await certify(root, await newKey(), now + dayMs)],
    ['tampered certificate', async (key) => flipped(await certify(root, key, now + dayMs))],
  ];
  const findings: Finding[] = [];
  for (const [stranger, certificateFor] of kinds) {
    const key = await newKey();
    const before = await refusalsOf(target);
    const rogue = await Rogue.start({
      key,
      certificate: await certificateFor(key),
      root: root.publicKey,
    });
    const connected = await rogue.connects(target.meshAddress);
    await rogue.stop();
    const counted = difference(before, await refusalsOf(target));
    findings.push({ stranger, refused: !connected && rogue.heard.length === 0, counted });
    say(`  ${stranger}: ${connected ? 'CONNECTED' : 'refused'}`);
  }
  const open = await hangers(target.meshAddress);
  findings.push({
    stranger: `${connectionFlood} connections that say rubbish`,
    refused: open === 0,
    counted: {},
  });
  say(`  ${connectionFlood} connections that say rubbish: ${open} are still open`);
  return findings;
}

/** How many of many connections the agent leaves open. */
async function hangers(address: string): Promise<number> {
  const port = Number(address.split('/').at(-1));
  const open = new Set<Socket>();
  for (let i = 0; i < connectionFlood; i++) {
    const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\n\r\n'));
    open.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => open.delete(socket));
    socket.resume();
  }
  await waitFor('they are closed', () => open.size === 0 || undefined, {
    timeoutMs: hangerMsMax,
  }).catch(() => {});
  const left = open.size;
  for (const socket of open) socket.destroy();
  return left;
}

/** Members, rightly admitted, that lie about others and shout. The burst runs meanwhile. */
async function inside(
  setting: Setting,
  federation: Federation,
  pods: number,
  say: (text: string) => void,
): Promise<readonly Finding[]> {
  const target = victimOf(federation);
  const sample = await overheard(federation);
  const forgery = forged(sample);
  const attempts: readonly (readonly [string, (rogue: Rogue) => Promise<void>])[] = [
    ['tampered after signing', async (rogue) => await rogue.sayTampered(sample, () => forgery)],
    ['advert in another’s name', async (rogue) => await rogue.say(forgery)],
    ['another’s advert, replayed', async (rogue) => await rogue.say(sample)],
    ['no advert at all', async (rogue) => await rogue.say(Buffer.from('x'.repeat(2_000)))],
    ['oversize', async (rogue) => await rogue.say(Buffer.alloc(oversizeBytes, 7))],
    [`${advertFlood} adverts at once`, async (rogue) => await flood(rogue, sample)],
  ];
  const burst = makeBurst(setting.homeCluster, {
    namespace: 'meanwhile',
    pods,
    way: 'schedulerName',
  });
  const findings: Finding[] = [];
  for (const [i, [stranger, attempt]] of attempts.entries()) {
    const rogue = await badMember(federation, `mallory-${i}`);
    const before = await refusalsOf(target);
    await attempt(rogue);
    const counted = await settledDifference(target, before);
    await rogue.stop();
    findings.push({ stranger, refused: forgeriesIn(setting) === 0, counted });
    say(`  ${stranger}: counted ${JSON.stringify(counted)}`);
  }
  await burst;
  return findings;
}

/** A member, rightly admitted, connected to the first agent and heard by it. */
async function badMember(federation: Federation, name: string): Promise<Rogue> {
  const { root } = federation;
  const key = await newKey();
  const certificate = await issueCertificate(root, {
    cluster: clusterName(name),
    peer: peerIdOf(key.publicKey),
    attributes: {},
    notBeforeMs: Date.now() - 60_000,
    expiresMs: Date.now() + dayMs,
  });
  const rogue = await Rogue.start({ key, certificate, root: root.publicKey });
  if (!(await rogue.connects(victimOf(federation).meshAddress))) {
    throw new Error('a good member was refused');
  }
  await waitFor(`${name} is heard`, () => rogue.subscribers > 0 || undefined, {
    timeoutMs: 10_000,
  });
  return rogue;
}

/** An advert of somebody else's, as it travels. */
async function overheard(federation: Federation): Promise<Uint8Array> {
  const rogue = await badMember(federation, 'eve');
  const sample = await waitFor('an advert is overheard', () => rogue.heard[0], {
    timeoutMs: 30_000,
  });
  await rogue.stop();
  return sample;
}

/** What was counted, once nothing more is. */
async function settledDifference(
  agent: AgentProcess,
  before: Readonly<Record<string, number>>,
): Promise<Readonly<Record<string, number>>> {
  let last = '';
  return await waitFor(
    'refusals are counted',
    async () => {
      const counted = difference(before, await refusalsOf(agent));
      const text = JSON.stringify(counted);
      if (text === last) return counted;
      last = text;
      return undefined;
    },
    { timeoutMs: 60_000, everyMs: 1_000 },
  );
}

async function flood(rogue: Rogue, sample: Uint8Array): Promise<void> {
  for (let i = 0; i < advertFlood; i += 50) {
    await Promise.allSettled(
      Array.from({ length: 50 }, async (_, k) => {
        const noise = Buffer.from(sample);
        noise.writeUInt32BE(i + k, noise.length - 4);
        await rogue.say(noise);
      }),
    );
  }
}

/** Virtual nodes, as the API servers show them, that have what only a forged advert claims. */
function forgeriesIn({ histories }: Setting): number {
  const forged = new Set<string>();
  for (const { cluster, changes } of histories.histories) {
    for (const { kind, object } of changes) {
      if (kind !== 'Node') continue;
      const { name = '' } = object.metadata;
      if (object.status?.allocatable?.['cpu'] === `${forgedMilliCpu}m`) forged.add(cluster + name);
    }
  }
  return forged.size;
}

/** The same advert, much newer, of a cluster with more CPU than there is. */
function forged(sample: Uint8Array): Uint8Array {
  const { certificate, advert } = decodeAdvert(sample);
  const { version, totals } = advert;
  return encodeAdvert({
    certificate,
    advert: {
      ...advert,
      version: { ...version, sequence: version.sequence + 1_000_000 },
      totals: { ...totals, allocatable: { ...totals.allocatable, milliCpu: forgedMilliCpu } },
    },
  });
}

function flipped(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const middle = Math.floor(copy.length / 2);
  copy[middle] = (copy[middle] ?? 0) ^ 1;
  return copy;
}

function victimOf({ agents }: Federation): AgentProcess {
  const [first] = agents;
  if (first === undefined) throw new Error('no agents');
  return first;
}

async function refusalsOf(agent: AgentProcess): Promise<Readonly<Record<string, number>>> {
  return (await agent.get<{ refused: Record<string, number> }>('/v1/status')).refused;
}

function difference(
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  const entries = Object.entries(after).map(
    ([reason, count]) => [reason, count - (before[reason] ?? 0)] as const,
  );
  return Object.fromEntries(entries.filter(([, count]) => count > 0));
}
