/** `--attribute key=value`: what the root vouches for, in letters that a policy can name. */
import { Fault } from '@spillway/core';
import { attributeBounds } from '@spillway/mesh';

/** As in a policy's terms (packages/federation/src/policy/policy.ts). */
const keyPattern = /^[A-Za-z0-9][A-Za-z0-9_./-]*$/;
const valuePattern = /^[A-Za-z0-9_./-]*$/;
/** In a policy this key is the cluster's name. */
const reservedKey = 'name';

/** @throws Fault `InvalidInput` naming the pair. */
export function parseAttributes(pairs: readonly string[]): Readonly<Record<string, string>> {
  const { entriesMax, keyMax, valueMax } = attributeBounds;
  const attributes = new Map<string, string>();
  for (const pair of pairs) {
    const wrong = (expected: string): Fault =>
      new Fault('InvalidInput', `--attribute ${JSON.stringify(pair.slice(0, 400))}: ${expected}`);
    const at = pair.indexOf('=');
    if (at < 0) throw wrong('expected key=value');
    const [key, value] = [pair.slice(0, at), pair.slice(at + 1)];
    const letters = 'letters, digits, "_", ".", "/" and "-" of ASCII';
    if (!keyPattern.test(key))
      throw wrong(`a key has ${letters}, and begins with a letter or a digit`);
    if (!valuePattern.test(value)) throw wrong(`a value has ${letters}`);
    if (key.length > keyMax) throw wrong(`Maximum ${keyMax} characters of a key`);
    if (value.length > valueMax) throw wrong(`Maximum ${valueMax} characters of a value`);
    if (key === reservedKey) throw wrong('policies call the name of the cluster "name"');
    if (attributes.has(key)) throw wrong('the key is given twice');
    attributes.set(key, value);
  }
  if (attributes.size > entriesMax)
    throw new Fault('InvalidInput', `--attribute: Maximum ${entriesMax} attributes`);
  return Object.fromEntries(attributes);
}
