/** Members, rightly admitted, that lie about others and shout. The burst runs meanwhile. */
import { decodeAdvert, encodeAdvert } from '@spillway/wire';
import { waitFor } from '@spillway/testbed';
import type { AgentProcess } from '../federation/agent-process.ts';
import type { Federation } from '../federation/federation.ts';
import { asMember, difference, type Finding, refusalsOf, victimOf } from './attacked.ts';
import { makeBurst } from './burst-pods.ts';
import type { Rogue } from './rogue.ts';
import type { Setting } from './setting.ts';

const advertFlood = 5_000;
/** More than any advert may have. */
const oversizeBytes = 200_000;
/** What a forged advert claims to have, and nobody has. */
const forgedMilliCpu = 987_654_000;

export async function inside(
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
    const counted = await asMember(federation, `mallory-${i}`, async (rogue) => {
      const before = await refusalsOf(target);
      await attempt(rogue);
      return await settledDifference(target, before);
    });
    findings.push({ stranger, refused: forgeriesIn(setting) === 0, counted });
    say(`  ${stranger}: counted ${JSON.stringify(counted)}`);
  }
  await burst;
  return findings;
}

/** An advert of someone else's, as it travels. */
async function overheard(federation: Federation): Promise<Uint8Array> {
  return await asMember(federation, 'eve', (rogue) =>
    waitFor('an advert is overheard', () => rogue.heard[0], { timeoutMs: 30_000 }),
  );
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
export function forgeriesIn({ histories }: Setting): number {
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
