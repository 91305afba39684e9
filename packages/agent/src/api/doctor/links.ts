/** Reachability both ways, clocks and versions, neighbour by neighbour. */
import { version } from '@spillway/core';
import type { Neighbour } from '@spillway/federation';
import type { LinkCheck } from '@spillway/mesh';
import pLimit from 'p-limit';
import type { Finding } from '../schemas/index.ts';
import type { AgentContext } from '../agent-context.ts';

/** The nearest: each check dials, and has the other dial. */
const checkedMax = 64;
const checksAtOnce = 8;
/** Certificates are compared with a clock: an agent bears 5 min (clockSkewMsMax). */
const clockOffMs = { info: 5_000, warning: 60_000, error: 300_000 };

export async function checkLinks({
  directory,
  mesh,
  home,
}: AgentContext): Promise<readonly Finding[]> {
  const all = [...directory.neighbours()].sort((a, b) => a.rttMs - b.rttMs);
  if (all.length === 0) {
    return [
      {
        check: 'reachability',
        severity: 'warning',
        subject: 'federation',
        message: 'this agent has heard no neighbour since it became active',
        remedy:
          'put the address of a reachable neighbour into mesh.bootstrap. "spillway status -o wide" shows what was refused',
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
            message: `${rest} neighbours that are farther away were not checked`,
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
    const message = `in both directions: ${there.rttMs.toFixed(1)} ms there, ${back.rttMs.toFixed(1)} ms back`;
    return [{ ...finding, severity: 'ok', message }];
  }
  const findings: Finding[] = [];
  if (!there.ok) {
    const alive = path !== 'none';
    findings.push({
      ...finding,
      severity: alive ? 'warning' : 'error',
      message: `this cluster cannot dial it (${there.problem})${alive ? `; it is connected ${path === 'relayed' ? 'through a relay' : 'through a connection that it opened'}` : `; it is ${liveness}`}`,
      remedy:
        'check that its port 7420/TCP is open to this cluster, and that it announces (mesh.announce) an address that works from here',
    });
  }
  if (back === undefined) {
    findings.push({
      ...finding,
      severity: there.ok ? 'warning' : 'error',
      message: `the check whether it reaches this cluster failed: ${problem ?? 'no answer'}`,
      remedy: 'check that its agent runs, and has this version',
    });
  } else if (!back.ok) {
    findings.push({
      ...finding,
      severity: 'warning',
      message: `it cannot dial this cluster (${back.problem})`,
      remedy:
        'check that port 7420/TCP of this cluster is open to it, and that this cluster announces (mesh.announce) an address that works from there. Or use relays (mesh.reachable: false)',
    });
  }
  return findings;
}

function clockFinding(subject: string, { clockAheadMs }: LinkCheck): readonly Finding[] {
  if (clockAheadMs === undefined) return [];
  const offMs = Math.abs(clockAheadMs);
  const finding = { check: 'clock' as const, subject };
  const off = `its clock is ${(offMs / 1000).toFixed(1)} s ${clockAheadMs > 0 ? 'ahead of' : 'behind'} this cluster’s`;
  if (offMs < 100)
    return [{ ...finding, severity: 'ok', message: 'its clock agrees with this cluster’s' }];
  if (offMs < clockOffMs.info) return [{ ...finding, severity: 'ok', message: off }];
  const severity =
    offMs >= clockOffMs.error ? 'error' : offMs >= clockOffMs.warning ? 'warning' : 'info';
  const message = `${off}: each cluster checks certificates by its own clock`;
  return [{ ...finding, severity, message, remedy: 'use NTP on both' }];
}

function versionFinding(subject: string, { version: theirs }: LinkCheck): readonly Finding[] {
  if (theirs === undefined) return [];
  const finding = { check: 'versions' as const, subject };
  if (theirs === version) return [{ ...finding, severity: 'ok', message: theirs }];
  return [
    {
      ...finding,
      severity: 'info',
      message: `it runs ${theirs}, this cluster ${version}`,
      remedy: 'upgrade the older agent',
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
      message: `it runs ${guests} guests of this cluster, but this cluster knows of ${ours}`,
      remedy:
        'run doctor again: while pods change, the numbers may differ for seconds. A home deletes guests without a pod when it hears of them',
    },
  ];
}
