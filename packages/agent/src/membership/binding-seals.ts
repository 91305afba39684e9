/**
 * Seals of the bindings that this home makes: a MAC over the pod's UID, the home and the host. Its key is
 * derived from the identity's private key, so every agent of the cluster has it, after a restart too, and
 * nobody else does.
 */
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { type ClusterName, wellKnown } from '@spillway/core';
import { refOf, type Seals } from '@spillway/federation';
import type { PrivateKey } from '@spillway/mesh';

const purpose = 'spillway.dev/bound-by 1';
const keyBytes = 32;

export function bindingSeals(home: ClusterName, identity: PrivateKey): Seals {
  const key = Buffer.from(hkdfSync('sha256', identity.raw, '', purpose, keyBytes));
  const seal: Seals['seal'] = (uid, host) =>
    createHmac('sha256', key)
      .update(JSON.stringify([home, host, uid]))
      .digest('base64url');
  return {
    seal,
    holds(pod, host) {
      const shown = Buffer.from(pod.metadata.annotations?.[wellKnown.boundByAnnotation] ?? '');
      const right = Buffer.from(seal(refOf(pod).uid, host));
      return shown.length === right.length && timingSafeEqual(shown, right);
    },
  };
}
