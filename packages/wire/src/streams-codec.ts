/** A request for a stream of a guest, and its answer, as bytes; checked on the way in at both ends. */
import type { PodUid } from '@spillway/core';
import {
  type NamedValue,
  type PodStreamHead,
  type PodStreamKind,
  podStreamKinds,
  type PodStreamRequest,
  type StreamUpgrade,
  streamUpgrades,
  upgradeAnswerHeaders,
  upgradeRequestHeaders,
} from '@spillway/federation';
import {
  StreamAnswer as AnswerMessage,
  StreamRequest as RequestMessage,
} from './gen/spillway/v1/streams.ts';
import { count, decoded, invalid, list, text } from './validation.ts';

export const streamBounds = Object.freeze({
  /** The command of an exec is most of it. */
  requestBytesMax: 256 * 1024,
  answerBytesMax: 64 * 1024,
  parametersMax: 4_096,
  parameterMax: 128 * 1024,
  headersMax: 32,
  headerMax: 1_024,
  messageMax: 8 * 1024,
});

const isTrue = /^true$/;
const wholeNumber = /^\d{1,18}$/;
const terminal = { stdin: isTrue, stdout: isTrue, stderr: isTrue, tty: isTrue };

/** What a subresource may be asked, and how each value looks. */
const parametersOf: Readonly<Record<PodStreamKind, Readonly<Record<string, RegExp>>>> = {
  log: {
    follow: isTrue,
    previous: isTrue,
    timestamps: isTrue,
    sinceSeconds: wholeNumber,
    sinceTime: /^\d{4}-\d\d-\d\dT[\d:.]{8,18}(Z|[+-]\d\d:\d\d)$/,
    tailLines: wholeNumber,
    limitBytes: wholeNumber,
    stream: /^(Stdout|Stderr)$/,
  },
  exec: { ...terminal, command: /^[^]*$/ },
  attach: terminal,
  portforward: { ports: /^\d{1,5}$/ },
};

const containerName = /^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)?$/;
const headerText = /^[\x20-\x7e]*$/;
/** UIDs are chosen by the home's API server; the host only looks one up. */
const uidMax = 128;

export function encodeStreamRequest({
  uid,
  kind,
  upgrade = '' as StreamUpgrade,
  ...rest
}: PodStreamRequest): Uint8Array {
  return RequestMessage.encode({
    podUid: uid,
    kind,
    container: rest.container,
    parameters: rest.parameters.map(named),
    upgrade,
    headers: rest.headers.map(named),
  }).finish();
}

/** @throws Fault `InvalidInput` */
export function decodeStreamRequest(bytes: Uint8Array): PodStreamRequest {
  withinBytes(bytes, 'stream', streamBounds.requestBytesMax);
  const message = decoded('stream', () => RequestMessage.decode(bytes));
  const kind = podStreamKinds.find((each) => each === message.kind);
  if (kind === undefined) throw invalid('stream.kind', `one of ${podStreamKinds.join()}`);
  if (!containerName.test(message.container)) {
    throw invalid('stream.container', 'an RFC 1123 label');
  }
  return {
    uid: text(message.podUid, 'stream.podUid', uidMax) as PodUid,
    kind,
    container: message.container,
    parameters: parameters(kind, message.parameters),
    upgrade: upgradeOf(kind, message.upgrade),
    headers: headers(message.headers, upgradeRequestHeaders),
  };
}

export function encodeStreamHead({ status, headers: given, message }: PodStreamHead): Uint8Array {
  return AnswerMessage.encode({
    status,
    headers: given.map(named),
    message: message.slice(0, streamBounds.messageMax),
  }).finish();
}

/** @throws Fault `InvalidInput` */
export function decodeStreamHead(bytes: Uint8Array): PodStreamHead {
  withinBytes(bytes, 'stream answer', streamBounds.answerBytesMax);
  const message = decoded('stream answer', () => AnswerMessage.decode(bytes));
  const status = count(message.status, 'stream answer.status', 599);
  if (status < 400 && status !== 101 && status !== 200) {
    throw invalid('stream answer.status', '101, 200, or 400 to 599');
  }
  return {
    status,
    headers: headers(message.headers, upgradeAnswerHeaders),
    message: text(message.message, 'stream answer.message', streamBounds.messageMax),
  };
}

interface Named {
  readonly name: string;
  readonly value: string;
}

function named([name, value]: NamedValue): { name: string; value: string } {
  return { name, value };
}

function withinBytes(bytes: Uint8Array, field: string, max: number): void {
  if (bytes.length > max) throw invalid(field, `at most ${max} bytes`);
}

function parameters(kind: PodStreamKind, given: readonly Named[]): readonly NamedValue[] {
  const patterns = new Map(Object.entries(parametersOf[kind]));
  return list(given, 'stream.parameters', streamBounds.parametersMax).map(({ name, value }) => {
    const pattern = patterns.get(name);
    if (pattern === undefined) throw invalid('stream.parameters', `parameters of ${kind}`);
    text(value, `stream.${name}`, streamBounds.parameterMax);
    if (!pattern.test(value)) throw invalid(`stream.${name}`, `a value like ${pattern.source}`);
    return [name, value];
  });
}

function upgradeOf(kind: PodStreamKind, given: string): StreamUpgrade | undefined {
  const upgrade = streamUpgrades.find((each) => each === given);
  const fits = kind === 'log' ? given === '' : upgrade !== undefined;
  if (!fits) throw invalid('stream.upgrade', `what ${kind} needs`);
  return upgrade;
}

function headers(given: readonly Named[], allowed: readonly string[]): readonly NamedValue[] {
  return list(given, 'stream.headers', streamBounds.headersMax).map(({ name, value }) => {
    if (!allowed.includes(name)) throw invalid('stream.headers', `one of ${allowed.join()}`);
    text(value, `stream.headers.${name}`, streamBounds.headerMax);
    if (!headerText.test(value)) throw invalid(`stream.headers.${name}`, 'printable ASCII');
    return [name, value];
  });
}
