/** Conditions that Spillway writes on its own kinds, for docs/reference.md. */
export const conditionMeanings = [
  { kind: 'Neighbour', type: 'Reachable', what: 'Whether the agent hears the neighbour.' },
  { kind: 'Neighbour', type: 'AcceptsGuests', what: 'Whether the neighbour accepts guests now.' },
  {
    kind: 'OffloadPolicy',
    type: 'InForce',
    what: 'Whether the policy is in force. If not, the message says why.',
  },
] as const;
