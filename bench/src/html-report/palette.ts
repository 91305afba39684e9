/** One look per system, everywhere the same: colour (Okabe, Ito 2008, safe for the colour-blind) and dash. */
import type { SystemName } from '../results/result.ts';

interface Look {
  readonly light: string;
  readonly dark: string;
  readonly dash?: string;
  readonly width?: number;
}

const looks: Readonly<Record<SystemName, Look>> = {
  spillway: { light: '#0060a8', dark: '#6cc0ff', width: 3 },
  isolated: { light: '#6b6b6b', dark: '#a8a8a8' },
  'kubefed-static': { light: '#b84a00', dark: '#ff8a4c' },
  'kubefed-rsp': { light: '#b07a00', dark: '#f2b632' },
  'kubefed-rsp-rebalance': { light: '#a8467e', dark: '#e89ac7' },
  'kubefed-rsp-even': { light: '#b07a00', dark: '#f2b632', dash: '6 3' },
  'kubefed-0.4.0-rsp': { light: '#b07a00', dark: '#f2b632', dash: '2 3' },
  mck8s: { light: '#007a5a', dark: '#3fcf9f' },
  'mck8s-worst-fit': { light: '#007a5a', dark: '#3fcf9f', dash: '6 3' },
  'mck8s-best-fit': { light: '#007a5a', dark: '#3fcf9f', dash: '2 3' },
  'mck8s-most-traffic': { light: '#007a5a', dark: '#3fcf9f', dash: '8 3 2 3' },
  oracle: { light: '#202020', dark: '#f0f0f0', dash: '1 4', width: 2 },
};

export function colourOf(system: SystemName): string {
  return `var(${variableOf(system)})`;
}

export function dashOf(system: SystemName): string | undefined {
  return looks[system].dash;
}

export function widthOf(system: SystemName): number {
  return looks[system].width ?? 1.75;
}

/** Declarations of the colours for one scheme. */
export function colourVariables(scheme: 'light' | 'dark'): string {
  return Object.entries(looks)
    .map(([system, look]) => `${variableOf(system as SystemName)}: ${look[scheme]};`)
    .join(' ');
}

function variableOf(system: SystemName): string {
  return `--${system.replaceAll('.', '-')}`;
}
