import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { clusterName, Fault, wellKnown } from '@spillway/core';
import {
  ed25519PeerId,
  federationIdOf,
  inspectCertificate,
  mergedRevocations,
  type PublicKey,
  readCertificate,
  readIdentityFile,
  readRevocations,
  type Revoked,
  revocationsText,
  signRevocation,
} from '@spillway/mesh';
import type { RevokeOptions } from '../commands/federation-revoke.ts';
import { print } from '../output/format.ts';
import { visible } from '../output/visible.ts';
import { withFolderLocked } from './folder-lock.ts';
import { shortFederation } from './identity-folder.ts';
import { named, readRootKey } from './read-keys.ts';
import { checkReplaceable, writeFiles } from './write-files.ts';

const { revocationsConfigMap, revocationsKey } = wellKnown;

/** Adds to the list in `--out`, or begins one. @throws Fault naming the option that is wrong. */
export async function revoke(options: RevokeOptions): Promise<void> {
  const { out, output, namespace } = options;
  checkText(options);
  const root = readRootKey(options.root);
  const revoked = revokedBy(options, root.publicKey);
  const added = await signRevocation(root, {
    ...revoked,
    revokedMs: Date.now(),
    reason: options.reason,
  });
  checkReplaceable(out);
  const { text, size } = await withFolderLocked(dirname(out), async () => {
    const before = existsSync(out)
      ? [named(out, () => readRevocations(readIdentityFile(out).text))]
      : [];
    const revocations = await mergedRevocations(root.publicKey, [...before, added]);
    const list = revocationsText(revocations.encoded());
    writeFiles([{ file: out, text: list, mode: 0o644 }]);
    return { text: list, size: revocations.size };
  });
  if (output === 'yaml') return print(manifest(text, namespace));
  print(`${nameOf(revoked)} is revoked; ${out} holds ${size} in all
in force once one agent has it: kubectl -n ${namespace} create configmap ${revocationsConfigMap} \\
  --from-file=${revocationsKey}=${shellWord(out)} --dry-run=client -o yaml | kubectl apply -f -`);
}

/** What goes into a manifest, a command to be copied, and a table. */
function checkText({ namespace, reason }: RevokeOptions): void {
  if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(namespace)) {
    throw new Fault(
      'InvalidInput',
      `--namespace ${JSON.stringify(namespace)}: it is not a valid namespace`,
    );
  }
  if (visible(reason) !== reason)
    throw new Fault('InvalidInput', '--reason: it has a line break or another control character');
}

function revokedBy(options: RevokeOptions, root: PublicKey): Revoked {
  const { cluster, serial, peer, certificate } = options;
  if ([cluster, serial, peer, certificate].filter((each) => each !== undefined).length !== 1) {
    throw new Fault('InvalidInput', 'use one of --cluster, --certificate, --peer and --serial');
  }
  if (cluster !== undefined) return { cluster: clusterName(cluster) };
  if (peer !== undefined) return { peer: ed25519PeerId(peer) };
  if (certificate !== undefined) return certificateOf(certificate, root);
  if (serial === undefined || !/^[0-9a-f]{32}$/i.test(serial)) {
    throw new Fault(
      'InvalidInput',
      `--serial ${serial}: expected 32 hex digits, as "spillway federation inspect" shows them`,
    );
  }
  return { serial: serial.toLowerCase() };
}

/** Revocations are for good: one of another federation's certificate would never revoke anything. */
function certificateOf(file: string, root: PublicKey): Revoked {
  const { federationId, serial, peer } = named(file, () =>
    inspectCertificate(readCertificate(readIdentityFile(file).text)),
  );
  if (!federationIdOf(root).equals(federationId)) {
    throw new Fault(
      'InvalidInput',
      `--certificate ${file}: it belongs to federation ${shortFederation(federationId)}, and --root is not the root of it`,
    );
  }
  return { serial: Buffer.from(serial).toString('hex'), peer };
}

function shellWord(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
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
