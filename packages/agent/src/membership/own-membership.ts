/** How long our own certificate is valid. When it has expired, no agent talks to us. */
import type { Clock } from '@spillway/core';
import type { Membership } from '@spillway/mesh';
import type { Log } from '../reporting/log.ts';
import type { Metrics } from '../reporting/metrics.ts';
import { every, type Startable } from '../startable.ts';

const dayMs = 86_400_000;
/** This many days before it expires, the agent starts to warn once a day. */
const warnDays = 14;

export function watchMembership(
  member: Membership,
  { clock, log, metrics }: { readonly clock: Clock; readonly log: Log; readonly metrics: Metrics },
): Startable {
  metrics.membershipExpires.set(member.expiresMs / 1000);
  const look = (): void => {
    const daysLeft = Math.floor((member.expiresMs - clock.wallMs()) / dayMs);
    if (daysLeft >= warnDays) return;
    log.warn(
      { daysLeft, expires: new Date(member.expiresMs).toISOString() },
      'the membership certificate of this cluster expires soon: get a new one with "spillway federation admit"',
    );
  };
  look();
  return every(dayMs, look);
}
