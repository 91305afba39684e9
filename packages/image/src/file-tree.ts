/** The files of a layer, by path without a leading slash: plain values, owned by root once packed. */
export type ImageFile =
  | { readonly kind: 'file'; readonly mode: number; readonly content: Buffer }
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'folder'; readonly mode: number };

export type FileTree = ReadonlyMap<string, ImageFile>;

export function textFile(content: string, mode = 0o644): ImageFile {
  return { kind: 'file', mode, content: Buffer.from(content) };
}

/** The same tree with every parent folder, in the order of paths: parents come before children. */
export function ordered(tree: FileTree): readonly (readonly [string, ImageFile])[] {
  const whole = new Map(tree);
  for (const path of tree.keys()) {
    const parts = path.split('/');
    for (let depth = 1; depth < parts.length; depth++) {
      const parent = parts.slice(0, depth).join('/');
      if (!whole.has(parent)) whole.set(parent, { kind: 'folder', mode: 0o755 });
    }
  }
  return [...whole].toSorted(([a], [b]) => (a < b ? -1 : 1));
}
