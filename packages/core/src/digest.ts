/**
 * A short name for a long text, for caches: 64 bits, equal on every engine. An attacker who wants two texts of one
 * digest can find them, so nothing that must be safe may rest on it.
 */

/** FNV-1a twice, over different offsets, with the text's length in the second. Cost: the text, once. */
export function digest(text: string): string {
  let [a, b] = [0x811c9dc5, 0x9747b28c ^ text.length];
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ code, 0x5bd1e995);
    b ^= b >>> 13;
  }
  return hex(a ^ (a >>> 15)) + hex(b ^ (b >>> 15));
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0');
}
