/** Reachability both ways, clocks and versions, neighbour by neighbour. */
import { version } from '@spillway/core';
import type { Neighbour } from '@spillway/federation';
import type { LinkCheck } from '@spillway/mesh';
import pLimit from 'p-limit';
import type { Finding } from '../answers/index.ts';
import type { Asked } from '../questions.ts';

/** The nearest: each check dials, and has the other dial. */
const checkedMax = 64;
const checksAtOnce = 8;
/** Certificates are compared with a clock: an agent bears 5 min (clockSkewMsMax). */
const clockOffMs = { info: 5_000, warning: 60_000, error: 300_000 };

export async function checkLinks({ directory, mesh, home }: Asked): Promise<readonly Finding[]> {
  const all = [...directory.neighbours()].sort((a, b) => a.rttMs - b.rttMs);
  if (all.length === 0) {
    return [
      {
        check: 'reachability',
        severity: 'warning',
        subject: 'federation',
        message: 'no neighbour has been heard since this agent became active',
        remedy:
          'name one that can be reached in mesh.bootstrap, and see what is refused in "spillway status -o wide"',
      },
    ];
  }
  const limit = pLimit(checksAtOnce);
  const paths = mesh.paths();
  const { awayByHost } = home.counts();
  const found = await Promise.all(
    all.slice(0, checkedMax).map(
      async (neighbour) =>
        await limit(async () => {
          const check = await mesh.check(neighbour);
          const path = paths.get(neighbour.peer);
          return linkFindings(neighbour, check, {
            path: path?.kind ?? 'none',
            ours: awayByHost.get(neighbour.cluster) ?? 0,
          });
        }),
    ),
  );
  const rest = all.length - checkedMax;
  const unchecked: Finding[] =
    rest > 0
      ? [
          {
            check: 'reachability',
            severity: 'info',
            subject: 'federation',
            message: `${rest} farther neighbours were not checked`,
          },
        ]
      : [];
  return [...found.flat(), ...unchecked];
}

export function linkFindings(
  { cluster, liveness }: Pick<Neighbour, 'cluster' | 'liveness'>,
  check: LinkCheck,
  known: { readonly path: 'direct' | 'relayed' | 'none'; readonly ours: number },
): readonly Finding[] {
  return [
    ...reachability(cluster, check, { ...known, liveness }),
    ...clockFinding(cluster, check),
    ...versionFinding(cluster, check),
    ...guestFinding(cluster, check, known.ours),
  ];
}

function reachability(
  subject: string,
  { there, back, problem }: LinkCheck,
  { path, liveness }: { readonly path: string; readonly liveness: Neighbour['liveness'] },
): readonly Finding[] {
  const finding = { check: 'reachability' as const, subject };
  if (there.ok && back?.ok) {
    const message = `both ways: ${there.rttMs.toFixed(1)} ms there, ${back.rttMs.toFixed(1)} ms back`;
    return [{ ...finding, severity: 'ok', message }];
  }
  const findings: Finding[] = [];
  if (!there.ok) {
    const alive = path !== 'none';
    findings.push({
      ...finding,
      severity: alive ? 'warning' : 'error',
      message: `we can't dial it (${there.problem})${alive ? `; it is reached ${path === 'relayed' ? 'through a relay' : 'by a connection that it opened'}` : `; it is ${liveness}`}`,
      remedy:
        'see that its port 7420/TCP is open to this cluster, and that what it announces (mesh.announce) is its address from here',
    });
  }
  if (back === undefined) {
    findings.push({
      ...finding,
      severity: there.ok ? 'warning' : 'error',
      message: `it could not be asked whether it reaches us: ${problem ?? 'no answer'}`,
      remedy: 'see that its agent runs, and is of this version',
    });
  } else if (!back.ok) {
    findings.push({
      ...finding,
      severity: 'warning',
      message: `it can't dial us (${back.problem})`,
      remedy:
        'see that our port 7420/TCP is open to it, and that what we announce (mesh.announce) is our address from there; or leave it to relays (mesh.reachable: false)',
    });
  }
  return findings;
}

function clockFinding(subject: string, { clockAheadMs }: LinkCheck): readonly Finding[] {
  if (clockAheadMs === undefined) return [];
  const offMs = Math.abs(clockAheadMs);
  const finding = { check: 'clock' as const, subject };
  const off = `its clock is ${(offMs / 1000).toFixed(1)} s ${clockAheadMs > 0 ? 'ahead of' : 'behind'} ours`;
  if (offMs < 100) return [{ ...finding, severity: 'ok', message: 'its clock agrees with ours' }];
  if (offMs < clockOffMs.info) return [{ ...finding, severity: 'ok', message: off }];
  const severity =
    offMs >= clockOffMs.error ? 'error' : offMs >= clockOffMs.warning ? 'warning' : 'info';
  const message = `${off}: certificates begin and end by each one's own clock`;
  return [{ ...finding, severity, message, remedy: 'let both follow NTP' }];
}

function versionFinding(subject: string, { version: theirs }: LinkCheck): readonly Finding[] {
  if (theirs === undefined) return [];
  const finding = { check: 'versions' as const, subject };
  if (theirs === version) return [{ ...finding, severity: 'ok', message: theirs }];
  return [
    {
      ...finding,
      severity: 'info',
      message: `it runs ${theirs}, we ${version}`,
      remedy: 'upgrade the older one',
    },
  ];
}

function guestFinding(subject: string, { guests }: LinkCheck, ours: number): readonly Finding[] {
  if (guests === undefined || guests <= ours) return [];
  return [
    {
      check: 'orphans',
      severity: 'warning',
      subject,
      message: `it runs ${guests} guests of ours, and we know of ${ours}`,
      remedy:
        'ask again: while pods come and go it may be so for seconds; guests whose pod is gone are ended when their home hears of them',
    },
  ];
}
