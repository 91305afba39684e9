import { describe, expect, test } from 'vitest';
import { isWanted, licencesIn } from './debian-files.ts';

describe('isWanted', () => {
  test.each([
    'lib/x86_64-linux-gnu/libc.so.6',
    'lib64/ld-linux-x86-64.so.2',
    'lib/ld-linux-aarch64.so.1',
    'usr/lib/aarch64-linux-gnu/libstdc++.so.6.0.30',
    // Later releases have /lib as a link to usr/lib.
    'lib',
    'usr/lib64/ld-linux-x86-64.so.2',
    'usr/share/doc/libc6/copyright',
    'usr/share/doc/libgcc-s1',
    'usr/share/common-licenses/GPL-3',
    'usr/share/ca-certificates/mozilla/ISRG_Root_X1.crt',
    'etc/os-release',
    'usr/lib/os-release',
  ])('takes %s', (path) => expect(isWanted(path)).toBe(true));

  test.each([
    'usr/sbin/update-ca-certificates',
    'usr/bin/openssl',
    'bin',
    'sbin',
    'usr/lib/x86_64-linux-gnu/gconv/UTF-16.so',
    'usr/lib/x86_64-linux-gnu/audit/sotruss-lib.so',
    'usr/share/doc/libc6/changelog.gz',
    'usr/share/gcc/python/libstdcxx/v6/printers.py',
    'etc/profile.d',
    'root',
  ])('leaves %s', (path) => expect(isWanted(path)).toBe(false));
});

describe('licencesIn', () => {
  test('reads the License lines of a machine-readable file, each once', () => {
    const text = [
      'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/',
      'License: GPL-2+',
      ' On Debian systems see /usr/share/common-licenses/GPL-2.',
      '',
      'Files: mozilla/certdata.txt',
      'License: MPL-2.0',
      '',
      'License: GPL-2+',
    ].join('\n');
    expect(licencesIn(text)).toEqual(['GPL-2+', 'MPL-2.0']);
  });

  test('reads what a free text refers to', () => {
    const text =
      "is in `/usr/share/common-licenses/LGPL-2.1', and `/usr/share/common-licenses/GPL-2'.\nSee also /usr/share/common-licenses/GPL.\nLicense: this is prose";
    expect(licencesIn(text)).toEqual(['GPL', 'GPL-2', 'LGPL-2.1']);
  });
});
