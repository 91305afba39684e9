/** What the image takes from a Debian package, and what it says of it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { Fault } from '@spillway/core';
import { type FileTree, type ImageFile, textFile } from './file-tree.ts';
import { readTar } from './tar-entries.ts';
import type { DebianPackage } from './debian-archive.ts';

export interface DebianContent {
  readonly files: FileTree;
  /** As named by its copyright file. */
  readonly licences: readonly string[];
  /** The roots of trust that it brings, each in PEM. */
  readonly certificates: readonly string[];
}

/** In the order of `packages`. @throws Fault `InvalidInput` for what is no Debian package. */
export async function debianContents(
  packages: readonly DebianPackage[],
): Promise<readonly DebianContent[]> {
  const unpackedAll = await Promise.all(packages.map(({ file }) => unpacked(file)));
  const all = new Map(unpackedAll.flatMap((files) => [...files]));
  return await Promise.all(
    packages.map(async ({ name, file }, i) => {
      const found = [...(unpackedAll[i] ?? [])].toSorted(([a], [b]) => (a < b ? -1 : 1));
      const files = new Map(found.filter(([path]) => !isCertificate(path)));
      // Where scanners look for packages when there is no dpkg.
      files.set(`var/lib/dpkg/status.d/${name}`, textFile(await control(file)));
      return {
        files,
        licences: licencesIn(copyrightOf(name, all)),
        certificates: found
          .filter(([path]) => isCertificate(path))
          .map(([, certificate]) => contentOf(certificate)),
      };
    }),
  );
}

/** Packages of one source may share a documentation folder: all but one have a link. */
function copyrightOf(name: string, files: FileTree): string {
  const own = files.get(`usr/share/doc/${name}`);
  const folder = own?.kind === 'link' ? own.target : name;
  const copyright = files.get(`usr/share/doc/${folder}/copyright`);
  return copyright === undefined ? '' : contentOf(copyright);
}

/** Libraries, licences, roots of trust and which Debian this is; no program, no locale, no manual. */
export function isWanted(path: string): boolean {
  if (/\/(gconv|audit)\//.test(path)) return false;
  if (/^(usr\/)?lib(32|64|x32)?(\/[^/]+)?\/[^/]+\.so(\.[0-9.]+)?$/.test(path)) return true;
  // Where /lib is /usr/lib, the packages bring the links.
  if (/^lib(64)?$/.test(path)) return true;
  if (/^usr\/share\/doc\/[^/]+(\/copyright)?$/.test(path)) return true;
  if (path.startsWith('usr/share/common-licenses/')) return true;
  return isCertificate(path) || path === 'etc/os-release' || path === 'usr/lib/os-release';
}

function isCertificate(path: string): boolean {
  return path.startsWith('usr/share/ca-certificates/') && path.endsWith('.crt');
}

/** The licences that a copyright file names: in its `License:` lines, else those it refers to. */
export function licencesIn(copyright: string): readonly string[] {
  const machineReadable = /^Format:/m.test(copyright);
  const pattern = machineReadable
    ? /^License:[ \t]*(\S.*)$/gm
    : /common-licenses\/([A-Za-z0-9-]+(?:\.\d+)*)/g;
  const names = [...copyright.matchAll(pattern)].map(([, name = '']) => name.trim());
  return [...new Set(names)].toSorted();
}

function contentOf(file: ImageFile): string {
  return file.kind === 'file' ? file.content.toString() : '';
}

async function unpacked(deb: string): Promise<ReadonlyMap<string, ImageFile>> {
  const child = spawn('dpkg-deb', ['--fsys-tarfile', deb], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [files] = await Promise.all([
    readTar(child.stdout, (path) => (isWanted(path) ? path : undefined)),
    done(child, deb),
  ]);
  // Folders come by themselves; a documentation folder without its copyright would be empty.
  return new Map([...files].filter(([, file]) => file.kind !== 'folder'));
}

async function control(deb: string): Promise<string> {
  const child = spawn('dpkg-deb', ['--field', deb], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [stanza] = await Promise.all([text(child.stdout), done(child, deb)]);
  return stanza;
}

async function done(child: ReturnType<typeof spawn>, deb: string): Promise<void> {
  const said = child.stderr === null ? '' : text(child.stderr);
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Fault('InvalidInput', `dpkg-deb ${deb}: ${(await said).trim()}`);
}
