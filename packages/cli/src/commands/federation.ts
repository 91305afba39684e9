/** `spillway federation init | admit | inspect`: the offline root and what it signs. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { clusterName, Fault, type PeerId, peerId } from '@spillway/core';
import {
  certificateText,
  federationIdOf,
  inspectCertificate,
  issueCertificate,
  newKey,
  peerIdOf,
  privateKeyText,
  publicKeyText,
  readCertificate,
  readPrivateKey,
} from '@spillway/mesh';
import { Command } from 'commander';
import { table } from '../table.ts';

const dayMs = 24 * 60 * 60 * 1000;

export function federationCommand(): Command {
  return new Command('federation')
    .description('makes a federation and admits clusters to it, offline')
    .addCommand(initCommand())
    .addCommand(admitCommand())
    .addCommand(inspectCommand());
}

function initCommand(): Command {
  return new Command('init')
    .description('makes a new root key; keep it offline, whoever has it admits clusters')
    .requiredOption('--out <folder>', 'where federation.key and federation.pub go')
    .option('--force', 'replace an existing root, and with it the federation', false)
    .action(async ({ out, force }: { out: string; force: boolean }) => {
      const file = join(out, 'federation.key');
      if (existsSync(file) && !force) {
        throw new Fault(
          'Conflict',
          `${file} exists: a new root would be another federation; --force if you mean that`,
        );
      }
      mkdirSync(out, { recursive: true, mode: 0o700 });
      const root = await newKey();
      write(file, privateKeyText(root), 0o600);
      write(join(out, 'federation.pub'), publicKeyText(root.publicKey), 0o644);
      print(`federation ${federationIdOf(root.publicKey).toString('hex').slice(0, 16)}
  ${file}  the root key: keep it offline, and back it up
  ${join(out, 'federation.pub')}  goes to every cluster
next: spillway federation admit --root ${file} --cluster NAME --out FOLDER`);
    });
}

interface AdmitOptions {
  readonly root: string;
  readonly cluster: string;
  readonly out: string;
  readonly peer?: string;
  readonly attribute: readonly string[];
  readonly days: string;
}

function admitCommand(): Command {
  return new Command('admit')
    .description('signs a membership certificate for a cluster')
    .requiredOption('--root <file>', 'federation.key')
    .requiredOption('--cluster <name>', 'its name in the federation')
    .requiredOption('--out <folder>', 'where peer.key (if new) and membership.cert go')
    .option('--peer <id>', 'peer id of a key that the cluster made itself; else one is made here')
    .option(
      '--attribute <key=value...>',
      'what the root vouches for: region, jurisdiction, zone, price …',
      [],
    )
    .option('--days <n>', 'until it expires', '365')
    .action(async (options: AdmitOptions) => {
      const root = readPrivateKey(read(options.root));
      const days = Number(options.days);
      if (!(days > 0))
        throw new Fault('InvalidInput', `--days ${options.days}: expected a positive number`);
      mkdirSync(options.out, { recursive: true, mode: 0o700 });
      const peer = options.peer === undefined ? await newPeer(options.out) : peerId(options.peer);
      const now = Date.now();
      const certificate = await issueCertificate(root, {
        cluster: clusterName(options.cluster),
        peer,
        attributes: attributes(options.attribute),
        notBeforeMs: now,
        expiresMs: now + days * dayMs,
      });
      const file = join(options.out, 'membership.cert');
      write(file, certificateText(certificate), 0o644);
      write(join(options.out, 'federation.pub'), publicKeyText(root.publicKey), 0o644);
      print(`${options.cluster} is admitted for ${days} days: ${file}`);
    });
}

function inspectCommand(): Command {
  return new Command('inspect')
    .description('shows what a membership certificate says; its signature is for agents to check')
    .argument('<file>')
    .option('-o, --output <format>', 'json, or a table', 'table')
    .action((file: string, { output }: { output: string }) => {
      const claims = inspectCertificate(readCertificate(read(file)));
      const shown = {
        cluster: claims.cluster,
        peer: claims.peer,
        federation: Buffer.from(claims.federationId).toString('hex').slice(0, 16),
        notBefore: new Date(claims.notBeforeMs).toISOString(),
        expires: new Date(claims.expiresMs).toISOString(),
        serial: Buffer.from(claims.serial).toString('hex'),
        attributes: claims.attributes,
      };
      if (output === 'json') return print(JSON.stringify(shown, null, 2));
      const { attributes: signed, ...rest } = shown;
      print(table(['FIELD', 'VALUE'], [...Object.entries(rest), ...Object.entries(signed)]));
    });
}

/** A new key in `folder`, unless there is one: its peer id. */
async function newPeer(folder: string): Promise<PeerId> {
  const file = join(folder, 'peer.key');
  if (existsSync(file)) return peerIdOf(readPrivateKey(read(file)).publicKey);
  const key = await newKey();
  write(file, privateKeyText(key), 0o600);
  return peerIdOf(key.publicKey);
}

function attributes(pairs: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, key, value] = /^([\w./-]+)=(.*)$/.exec(pair) ?? [];
      if (key === undefined || value === undefined) {
        throw new Fault('InvalidInput', `--attribute ${pair}: expected key=value`);
      }
      return [key, value];
    }),
  );
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Fault('NotFound', `${file} can't be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function write(file: string, text: string, mode: number): void {
  writeFileSync(file, text, { mode });
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
