/**
 * How each system looks, the same in every figure. A family has a hue (Okabe and Ito's palette, which
 * colour-blind readers can tell apart), and a member has a dash pattern. Spillway has its own line width.
 */
import type { SystemName } from '../results/result.ts';

export interface SystemStyle {
  /** A CSS variable of the style sheet, one value per colour scheme. */
  readonly colour: string;
  /** SVG dash array. */
  readonly dash: string;
  readonly width: number;
  readonly says: string;
}

const solid = 'none';
const dashed = '7 3';
const dotted = '1.5 3';
const dashDotted = '8 3 1.5 3';
const shortDashed = '3.5 2.5';

export const systemStyles: Readonly<Record<SystemName, SystemStyle>> = {
  spillway: {
    colour: '--spillway',
    dash: solid,
    width: 3.2,
    says: 'One agent in each cluster, no control plane above them.',
  },
  isolated: {
    colour: '--isolated',
    dash: solid,
    // A band, since KubeFed's static placement often runs along it.
    width: 4,
    says: 'Each cluster’s own kube-scheduler; nobody helps anybody.',
  },
  'kubefed-static': kubefed(
    '--kubefed',
    solid,
    'FederatedDeployments placed in their homes, with fixed replicas.',
  ),
  'kubefed-rsp': kubefed(
    '--kubefed-light',
    dashed,
    'Preferences that weigh homes 1,000 and every other cluster 1; what is placed stays.',
  ),
  'kubefed-rsp-rebalance': kubefed(
    '--kubefed',
    dotted,
    'The same preferences with rebalance: replicas leave clusters where they stay pending.',
  ),
  'kubefed-rsp-even': kubefed(
    '--kubefed-light',
    dashDotted,
    'Preferences that weigh all clusters the same, homes or not.',
  ),
  'kubefed-0.4.0-rsp': kubefed(
    '--kubefed',
    shortDashed,
    'The same preferences under the release that mck8s’ authors used.',
  ),
  mck8s: mck8s(
    '--mck8s',
    solid,
    'mck8s, each app asked at its homes; what does not fit goes to the nearest.',
  ),
  'mck8s-worst-fit': mck8s('--mck8s-light', dashed, 'mck8s: the emptiest clusters first.'),
  'mck8s-best-fit': mck8s('--mck8s', dotted, 'mck8s: the fullest clusters first.'),
  'mck8s-most-traffic': mck8s('--mck8s-light', dashDotted, 'mck8s: the busiest network first.'),
  oracle: {
    colour: '--oracle',
    dash: '1.5 5',
    width: 2,
    says: 'Every node of every cluster under one scheduler: no federation can place more.',
  },
};

function kubefed(colour: string, dash: string, says: string): SystemStyle {
  return { colour, dash, width: 1.8, says: `KubeFed. ${says}` };
}

function mck8s(colour: string, dash: string, says: string): SystemStyle {
  return { colour, dash, width: 1.8, says };
}
