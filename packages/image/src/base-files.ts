/** The lowest layer: Debian's libraries, roots of trust, and the few files that programs look for. */
import { type FileTree, type ImageFile, textFile } from './file-tree.ts';
import { nonRoot } from './image-config.ts';
import type { DebianContent } from './debian-files.ts';

export function baseFiles(packages: readonly DebianContent[]): FileTree {
  const certificates = packages.flatMap((each) => each.certificates);
  return new Map<string, ImageFile>([
    ...packages.flatMap(({ files }) => [...files]),
    [
      'etc/ssl/certs/ca-certificates.crt',
      textFile(certificates.map((each) => `${each.trimEnd()}\n`).join('')),
    ],
    ['etc/passwd', textFile(passwd)],
    ['etc/group', textFile(`root:x:0:\nnonroot:x:${nonRoot}:\n`)],
    ['etc/hosts', textFile('127.0.0.1 localhost\n::1 localhost\n')],
    ['etc/nsswitch.conf', textFile('hosts: files dns\n')],
    // What the runtime mounts over; /tmp may be a volume.
    ...['dev', 'proc', 'sys', 'run'].map((path): [string, ImageFile] => [path, folder(0o755)]),
    ['tmp', folder(0o1777)],
  ]);
}

function folder(mode: number): ImageFile {
  return { kind: 'folder', mode };
}

const passwd = [
  'root:x:0:0:root:/nonexistent:/nonexistent',
  `nonroot:x:${nonRoot}:${nonRoot}:nonroot:/nonexistent:/nonexistent`,
  '',
].join('\n');
