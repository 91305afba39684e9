/**
 * The relay's own part: circuit relay v2 within our bounds. That only members use it needs no check of
 * its own: nobody else gets a connection. What is relayed is the two ends' own encrypted channel, which
 * has proven their membership to each other; see docs/adr/0018.
 */
import {
  circuitRelayServer,
  RELAY_V2_HOP_CODEC,
  RELAY_V2_STOP_CODEC,
} from '@libp2p/circuit-relay-v2';
import type { Connection } from '@libp2p/interface';
import type { RelayOptions } from './relay-options.ts';

/** A client asks again five minutes before this is over. */
const reservationMs = 60 * 60 * 1000;

export function relayServer(options: RelayOptions): ReturnType<typeof circuitRelayServer> {
  return circuitRelayServer({
    maxInboundHopStreams: options.circuitsPerMemberMax,
    maxOutboundHopStreams: options.circuitsPerMemberMax,
    maxOutboundStopStreams: options.circuitsPerMemberMax,
    reservations: {
      maxReservations: options.reservationsMax,
      reservationTtl: reservationMs,
      defaultDurationLimit: options.circuitMsMax,
      defaultDataLimit: BigInt(options.circuitBytesMax),
    },
  });
}

/** Circuits that pass through us: each one has a stream to the end that waited for it. */
export function circuitsThrough(connections: readonly Connection[]): number {
  return streams(connections, RELAY_V2_STOP_CODEC);
}

/** Those that are asked for and not yet made are counted too. */
export function circuitsAsked(connections: readonly Connection[]): number {
  return streams(connections, RELAY_V2_HOP_CODEC);
}

function streams(connections: readonly Connection[], protocol: string): number {
  const direction = protocol === RELAY_V2_HOP_CODEC ? 'inbound' : 'outbound';
  return connections
    .flatMap((connection) => connection.streams)
    .filter((stream) => stream.protocol === protocol && stream.direction === direction).length;
}
