/** Reads a tar into a file tree. */
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { extract } from 'tar-stream';
import type { ImageFile } from './file-tree.ts';

/** `renamed` gives a path's new name, without leading slash, or undefined to leave it out. */
export async function readTar(
  tar: Readable | Buffer,
  renamed: (path: string) => string | undefined,
): Promise<Map<string, ImageFile>> {
  const entries = extract();
  const source = Buffer.isBuffer(tar) ? Readable.from([tar]) : tar;
  source.on('error', (error) => entries.destroy(error));
  source.pipe(entries);
  const tree = new Map<string, ImageFile>();
  for await (const entry of entries) {
    const { name, type, mode, linkname } = entry.header;
    const path = renamed(name.replace(/^\.?\//, '').replace(/\/$/, ''));
    if (path === undefined || path === '' || path === '.') {
      entry.resume();
      continue;
    }
    if (type === 'file') {
      tree.set(path, { kind: 'file', mode: mode & 0o755, content: await buffer(entry) });
      continue;
    }
    entry.resume();
    if (type === 'directory') tree.set(path, { kind: 'folder', mode: mode & 0o755 });
    else if (type === 'symlink') tree.set(path, { kind: 'link', target: linkname ?? '' });
    else throw new Error(`${name}: a ${type} has no place in the image`);
  }
  return tree;
}
