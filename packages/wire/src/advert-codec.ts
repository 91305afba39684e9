/** Adverts as they travel: bounded, and checked field by field on the way in. */
import { clusterName, peerId } from '@spillway/core';
import {
  type Advert,
  type Amounts,
  isValidCoordinate,
  type NodeClass,
  type FreeCapacity,
  capacityBounds,
} from '@spillway/federation';
import {
  AdvertEnvelope as EnvelopeMessage,
  type Advert as AdvertMessage,
  type Amounts as AmountsMessage,
  type Room as RoomMessage,
} from './gen/spillway/v1/advert.ts';
import { count, decoded, invalid, labels, list, required, text } from './validation.ts';

export const advertBounds = Object.freeze({
  bytesMax: 64 * 1024,
  addressesMax: 16,
  addressLengthMax: 256,
  ttlMsMin: 1_000,
  ttlMsMax: 3_600_000,
  taintsMax: 64,
  extendedMax: 32,
  labels: { entriesMax: 64, keyMax: 317, valueMax: 256 },
});

export interface AdvertEnvelope {
  /** The publisher's membership certificate, encoded. */
  readonly certificate: Uint8Array;
  readonly advert: Advert;
}

export function encodeAdvert({ certificate, advert }: AdvertEnvelope): Uint8Array {
  return EnvelopeMessage.encode({
    certificate: Buffer.from(certificate),
    advert: {
      cluster: advert.cluster,
      peer: advert.peer,
      epoch: advert.version.epoch,
      sequence: advert.version.sequence,
      ttlMs: advert.ttlMs,
      addresses: [...advert.addresses],
      coordinate: { ...advert.coordinate, vector: [...advert.coordinate.vector] },
      labels: { ...advert.labels },
      accepting: advert.accepting,
      guestsFree: advert.guestsFree,
      room: roomMessage(advert.freeCapacity),
      totalAllocatable: amountsMessage(advert.totals.allocatable),
      totalFree: amountsMessage(advert.totals.free),
    },
  }).finish();
}

/** @throws Fault `InvalidInput` or `InvalidId` for anything but a well-formed advert within its bounds. */
export function decodeAdvert(bytes: Uint8Array): AdvertEnvelope {
  if (bytes.length > advertBounds.bytesMax)
    throw invalid('advert', `at most ${advertBounds.bytesMax} bytes`);
  const { certificate, advert } = decoded('advert', () => EnvelopeMessage.decode(bytes));
  return { certificate, advert: advertOf(required(advert, 'advert')) };
}

function advertOf(message: AdvertMessage): Advert {
  const coordinate = required(message.coordinate, 'advert.coordinate');
  if (!isValidCoordinate(coordinate))
    throw invalid('advert.coordinate', 'finite numbers within bounds');
  const ttlMs = count(message.ttlMs, 'advert.ttlMs', advertBounds.ttlMsMax);
  if (ttlMs < advertBounds.ttlMsMin)
    throw invalid('advert.ttlMs', `at least ${advertBounds.ttlMsMin}`);
  return {
    cluster: clusterName(message.cluster),
    peer: peerId(message.peer),
    version: {
      epoch: count(message.epoch, 'advert.epoch', Number.MAX_SAFE_INTEGER),
      sequence: count(message.sequence, 'advert.sequence', Number.MAX_SAFE_INTEGER),
    },
    ttlMs,
    addresses: list(message.addresses, 'advert.addresses', advertBounds.addressesMax).map(
      (address) => text(address, 'advert.addresses', advertBounds.addressLengthMax),
    ),
    coordinate,
    labels: labels(message.labels, 'advert.labels', advertBounds.labels),
    accepting: message.accepting,
    guestsFree: message.guestsFree,
    freeCapacity: roomOfMessage(required(message.room, 'advert.room')),
    totals: {
      allocatable: amountsOf(message.totalAllocatable, 'advert.totalAllocatable'),
      free: amountsOf(message.totalFree, 'advert.totalFree'),
    },
  };
}

function roomMessage(room: FreeCapacity): RoomMessage {
  return {
    classes: room.classes.map(({ labels: own, taints }) => ({
      labels: { ...own },
      taints: taints.map(({ key, value, effect }) => ({ key, value, effect })),
    })),
    bins: room.bins.map(({ nodeClass, nodes, free }) => ({
      nodeClass,
      nodes,
      free: amountsMessage(free),
    })),
  };
}

function roomOfMessage(message: RoomMessage): FreeCapacity {
  const classes = list(message.classes, 'advert.room.classes', capacityBounds.nodeClassesMax).map(
    (each): NodeClass => ({
      labels: labels(each.labels, 'advert.room.classes.labels', advertBounds.labels),
      taints: list(each.taints, 'advert.room.classes.taints', advertBounds.taintsMax).map(
        ({ key, value, effect }) => ({
          key: text(key, 'taint.key', 317),
          effect: text(effect, 'taint.effect', 32),
          ...(value !== undefined && { value: text(value, 'taint.value', 64) }),
        }),
      ),
    }),
  );
  const bins = list(message.bins, 'advert.room.bins', capacityBounds.binsMax).map((bin) => {
    if (bin.nodeClass >= classes.length)
      throw invalid('advert.room.bins.nodeClass', 'a known class');
    return {
      nodeClass: bin.nodeClass,
      nodes: count(bin.nodes, 'advert.room.bins.nodes', 1_000_000),
      free: amountsOf(bin.free, 'advert.room.bins.free'),
    };
  });
  return { classes, bins };
}

function amountsMessage(amounts: Amounts): AmountsMessage {
  return {
    milliCpu: amounts.milliCpu,
    memoryBytes: amounts.memoryBytes,
    ephemeralStorageBytes: amounts.ephemeralStorageBytes,
    pods: amounts.pods,
    extended: Object.fromEntries(amounts.extended),
  };
}

function amountsOf(message: AmountsMessage | undefined, field: string): Amounts {
  const { milliCpu, memoryBytes, ephemeralStorageBytes, pods, extended } = required(message, field);
  const entries = list(Object.entries(extended), `${field}.extended`, advertBounds.extendedMax);
  return {
    milliCpu: count(milliCpu, `${field}.milliCpu`, Number.MAX_SAFE_INTEGER),
    memoryBytes: count(memoryBytes, `${field}.memoryBytes`, Number.MAX_SAFE_INTEGER),
    ephemeralStorageBytes: count(
      ephemeralStorageBytes,
      `${field}.ephemeralStorageBytes`,
      Number.MAX_SAFE_INTEGER,
    ),
    pods: count(pods, `${field}.pods`, 1_000_000_000),
    extended: new Map(
      entries.map(([name, amount]) => [
        text(name, `${field}.extended`, 317),
        count(amount, `${field}.extended`, Number.MAX_SAFE_INTEGER),
      ]),
    ),
  };
}
