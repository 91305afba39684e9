import { existsSync } from 'node:fs';
import { clusterName, Fault, peerId, wellKnown } from '@spillway/core';
import {
  inspectCertificate,
  mergedRevocations,
  readCertificate,
  readPrivateKey,
  readRevocations,
  type Revoked,
  revocationsText,
  signRevocation,
} from '@spillway/mesh';
import type { RevokeOptions } from '../commands/federation-revoke.ts';
import { print } from '../output/format.ts';
import { read, write } from './files.ts';

const { revocationsConfigMap, revocationsKey } = wellKnown;

/** Adds to the list in `--out`, or begins one. @throws Fault naming the option that is wrong. */
export async function revoke(options: RevokeOptions): Promise<void> {
  const { out, output } = options;
  const root = readPrivateKey(read(options.root));
  const revoked = revokedBy(options);
  const before = existsSync(out) ? [readRevocations(read(out))] : [];
  const added = await signRevocation(root, {
    ...revoked,
    revokedMs: Date.now(),
    reason: options.reason,
  });
  const revocations = await mergedRevocations(root.publicKey, [...before, added]);
  const text = revocationsText(revocations.encoded());
  write(out, text, 0o644);
  if (output === 'yaml') return print(manifest(text, options.namespace));
  print(`${nameOf(revoked)} is revoked; ${out} holds ${revocations.size} in all
in force once one agent has it: kubectl -n ${options.namespace} create configmap ${revocationsConfigMap} \\
  --from-file=${revocationsKey}=${out} --dry-run=client -o yaml | kubectl apply -f -`);
}

function revokedBy(options: RevokeOptions): Revoked {
  const { cluster, serial, peer, certificate } = options;
  if ([cluster, serial, peer, certificate].filter((each) => each !== undefined).length !== 1) {
    throw new Fault(
      'InvalidInput',
      'name what is revoked by one of --cluster, --certificate, --peer and --serial',
    );
  }
  if (cluster !== undefined) return { cluster: clusterName(cluster) };
  if (peer !== undefined) return { peer: peerId(peer) };
  if (certificate !== undefined) {
    const claims = inspectCertificate(readCertificate(read(certificate)));
    return { serial: Buffer.from(claims.serial).toString('hex'), peer: claims.peer };
  }
  if (serial === undefined || !/^([0-9a-f]{2})+$/i.test(serial)) {
    throw new Fault(
      'InvalidInput',
      `--serial ${serial}: expected hex digits, as "spillway federation inspect" shows them`,
    );
  }
  return { serial: serial.toLowerCase() };
}

function nameOf({ cluster, peer, serial }: Revoked): string {
  if (cluster !== undefined) return `cluster ${cluster}`;
  return peer === undefined ? `certificate ${serial}` : `key ${peer}`;
}

function manifest(text: string, namespace: string): string {
  const indented = text.trimEnd().replaceAll(/^/gm, '    ');
  return `apiVersion: v1
kind: ConfigMap
metadata:
  name: ${revocationsConfigMap}
  namespace: ${namespace}
data:
  ${revocationsKey}: |
${indented}`;
}
