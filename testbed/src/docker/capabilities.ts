/** What root may do on this machine: in a sandbox it is often less than everything. */
import { readFileSync } from 'node:fs';

/** Of what processes here may ever hold, capability n is bit n. */
function boundingSet(): bigint {
  const bits = /^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return BigInt(`0x${bits ?? '0'}`);
}

/** A privileged container wants every capability that the kernel knows. */
export function lacksCapabilities(): boolean {
  const last = Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8'));
  const all = (1n << BigInt(last + 1)) - 1n;
  return (boundingSet() & all) !== all;
}

const sysResource = 24n;

/** Without it no process can be made less likely to be killed for memory. */
export function lacksSysResource(): boolean {
  return ((boundingSet() >> sysResource) & 1n) === 0n;
}
