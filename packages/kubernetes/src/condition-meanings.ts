/** Conditions that Spillway writes on its own kinds, for docs/reference.md. */
export const conditionMeanings = [
  { kind: 'Neighbour', type: 'Reachable', what: 'Whether the neighbour is heard from.' },
  { kind: 'Neighbour', type: 'AcceptsGuests', what: 'Whether the neighbour takes guests now.' },
  {
    kind: 'OffloadPolicy',
    type: 'InForce',
    what: 'Whether pods go by the policy. The message says why not.',
  },
] as const;
