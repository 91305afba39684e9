/** What happens to a world of the fault simulator, by names that `--without` can leave out. */
export const faultKinds = [
  /** An agent's process is killed; another life begins when its Lease has passed on. */
  'crash',
  /** An agent stops in good order, and a standby takes over at once. */
  'hand-over',
  /** A link between two clusters, in one direction or both. */
  'cut',
  'user deletes',
  /** Guests are deleted at their host. */
  'eviction',
  /** Of a virtual node: Kubernetes has heard nothing of it for too long. */
  'lost node',
  /** Messages lost, repeated and reordered, writes that fail or come late. */
  'storm',
  'other scheduler',
  /** A host's quota, and what its admission forbids: its agent knows of neither. */
  'refusals',
  'slow API server',
  /** 409. */
  'conflicts',
  /** 429. */
  'too many requests',
  /** 500. */
  'server errors',
  /** For longer than an agent keeps its Lease without renewing it, or shorter. */
  'API server gone',
  /** Its watches end, and resume where they were. */
  'watch breaks',
  /** 410: its watches end, and list again. */
  'watch expires',
  /** A real node is not heard, with its containers running or not; its pods are evicted. */
  'NotReady node',
  /** API server, nodes and agent at once, and back. */
  'lost cluster',
  /** Agents' clocks run up to 10 % fast or slow. */
  'clock rates',
] as const;
export type FaultKind = (typeof faultKinds)[number];
