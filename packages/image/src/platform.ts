/** What the image is built for, in the words of OCI, npm and Debian. */
import { Fault } from '@spillway/core';

export const platforms = ['linux/amd64', 'linux/arm64'] as const;
export type Platform = (typeof platforms)[number];

/** OCI's and Debian's word. */
export type Architecture = 'amd64' | 'arm64';

export function architectureOf(platform: Platform): Architecture {
  return platform === 'linux/arm64' ? 'arm64' : 'amd64';
}

/** npm's and Node's word. */
export function nodeArchitectureOf(platform: Platform): 'x64' | 'arm64' {
  return platform === 'linux/arm64' ? 'arm64' : 'x64';
}

/** The platform of this machine. @throws Fault `InvalidConfig` where there is no image for it. */
export function ownPlatform(): Platform {
  if (process.arch === 'x64') return 'linux/amd64';
  if (process.arch === 'arm64') return 'linux/arm64';
  throw new Fault(
    'InvalidConfig',
    `there is no image for ${process.arch}: name one of ${platforms.join(', ')} (--platform)`,
  );
}

/** @throws Fault `InvalidConfig` naming what there is. */
export function platformOf(text: string): Platform {
  const found = platforms.find((each) => each === text);
  if (found === undefined) {
    throw new Fault('InvalidConfig', `--platform ${text}: expected ${platforms.join(' or ')}`);
  }
  return found;
}
