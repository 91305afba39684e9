/** Labels of nodes that pods of other clusters may select by. Those that are different on each node are left out. */
const advertisedPrefixes = [
  'kubernetes.io/arch',
  'kubernetes.io/os',
  'node.kubernetes.io/instance-type',
  'topology.kubernetes.io/',
  'nvidia.com/gpu.product',
  'spillway.dev/',
];

export function isAdvertisedLabel(key: string): boolean {
  return advertisedPrefixes.some((prefix) => key.startsWith(prefix));
}
