/** The home's knobs in words, for whoever configures an agent. */
import type { HomeConfig } from '@spillway/federation';

export const homeKeys: Readonly<Record<keyof HomeConfig, string>> = {
  batchMs: 'how long a new pod waits for others of its shape, so that they are decided together',
  neighbourBatchMs:
    'after a change of neighbours’ room, how long until waiting pods are tried again',
  askPatienceMs: 'how long better ranked neighbours may keep the answers of the others waiting',
  localGraceMs: 'a pod that fits at home is left to the home’s own scheduler for so long',
  retryMsMin: 'first retry of a shape for which there was no room',
  retryMsMax: 'the retry doubles up to this',
  refusedPatienceMs:
    'a bound pod that its host refuses fails after so long, or at once when a controller replaces it and waiting would not help',
  refusalTtlMs: 'a neighbour’s refusal is forgotten after so long, or with its next advert',
  triedOkTtlMs: 'how long a host’s word that it takes a pod template holds',
  triedRetryMsMin: 'first retry of a pod template at a host that refuses it',
  triedRetryMsMax: 'that retry doubles up to this',
  triedMax: 'maximum number of pod templates and hosts of which is remembered what the host said',
  askFanOutMax: 'maximum of neighbours that are asked at once for one shape',
  askCountMax: 'for so many pods of one shape at once',
  doubtMs: 'a neighbour that said it was full longer ago than this is asked all the same',
  doubtedMax: 'maximum of such neighbours that are asked at once for one shape, the nearest first',
  doubtRetryMsMax: 'longest pause before they are asked again, while they grant nothing',
  volumesMsMax: 'how long a pod waits for its volumes on one node before it is placed again',
  preemptionsMax: 'maximum pods of one shape for which others are preempted in one round',
  commitPodsMax: 'pods of one commit',
  commitsInFlightPerHostMax: 'commits at one host at once',
  releaseGuestsMax: 'guests of one release',
  giveBackMsMin:
    'pods of one controller that something else has bound to a virtual node fail in rounds: shortest time between two',
  giveBackMsMax: 'the time between two such rounds doubles up to this',
  explainMsMin: 'shortest pause before a pod’s owner is told again why it waits',
};
