/** libp2p's transport over relays, and the part of it that libp2p does not hand out. */
import { circuitRelayTransport } from '@libp2p/circuit-relay-v2';
import type { Transport } from '@libp2p/interface';
import { assert } from '@spillway/core';
import type { ReservationStore } from './reservations.ts';

type Factory = ReturnType<typeof circuitRelayTransport>;

export interface CircuitTransport {
  readonly transport: (components: Parameters<Factory>[0]) => Transport;
  /** Once the node has been made. */
  readonly store: () => ReservationStore;
}

export function circuitTransport(): CircuitTransport {
  const factory = circuitRelayTransport({
    // Everyone counts as seen: `Reservations` decides which relay to ask.
    discoveryFilter: { has: () => true, add: () => {}, remove: () => {} },
  });
  let store: ReservationStore | undefined;
  return {
    transport(components) {
      const transport = factory(components);
      store = (transport as unknown as { readonly reservationStore: ReservationStore })
        .reservationStore;
      return transport;
    },
    store() {
      assert(store !== undefined, 'circuit relay’s transport has a store of reservations');
      return store;
    },
  };
}
