/** The home's settings in words, for the operator who configures an agent. */
import type { HomeConfig } from '@spillway/federation';

export const homeKeys: Readonly<Record<keyof HomeConfig, string>> = {
  batchMs:
    'how long a new pod waits for others of its shape, so that they are decided together (ms)',
  neighbourBatchMs:
    'how long the home waits after a change of neighbours’ room before it tries waiting pods again (ms)',
  askPatienceMs:
    'how long to wait for better-ranked neighbours before using answers from others (ms)',
  localGraceMs: 'how long a pod that fits at home is left to the home’s own scheduler (ms)',
  retryMsMin: 'time before the first retry of a shape for which there was no room (ms)',
  retryMsMax: 'maximum time between retries of such a shape (ms). The time doubles up to it',
  refusedPatienceMs:
    'how long a bound pod waits whose host refuses it, before it fails (ms). It fails at once if a controller replaces it and waiting would not help',
  refusalTtlMs:
    'how long the home remembers a neighbour’s refusal (ms). The neighbour’s next advert clears it',
  triedOkTtlMs: 'how long the home remembers that a host accepts a pod template (ms)',
  triedRetryMsMin: 'time before the home tries a pod template again at a host that refused it (ms)',
  triedRetryMsMax: 'maximum time between such tries (ms). The time doubles up to it',
  triedMax: 'maximum number of such answers of hosts that the home remembers',
  firstPodsMax:
    'maximum number of pods of one template, and of one namespace, that are bound to a neighbour before it has created one of them. The number doubles with each round trip',
  firstPodsAgainMs: 'time without such bindings after which that maximum applies again (ms)',
  heldBackMsMax:
    'maximum time that other pods wait for these before other neighbours are asked (ms)',
  askFanOutMax: 'maximum number of neighbours that the home asks at once per pod shape',
  askCountMax: 'maximum number of pods of one shape that the home asks for at once',
  doubtMs:
    'how old an advert that says “full” must be before the home asks that neighbour anyway (ms)',
  doubtedMax: 'maximum number of such neighbours asked at once per pod shape, nearest first',
  doubtRetryMsMax: 'maximum time between these requests while none is granted (ms)',
  volumesMsMax: 'how long a pod waits for its volumes on one node before it is placed again (ms)',
  preemptionsMax:
    'maximum number of pods of one shape for which the home preempts others in one round',
  commitPodsMax: 'maximum number of pods in one commit',
  commitsInFlightPerHostMax: 'maximum number of commits in flight per host',
  releaseGuestsMax: 'maximum number of guests in one release',
  giveBackMsMin:
    'pods of one controller that something else has bound to a virtual node fail in rounds. This is the minimum time between two rounds (ms)',
  giveBackMsMax: 'maximum time between two such rounds (ms). The time doubles up to it',
  explainMsMin: 'minimum time before the home tells the owner of a pod again why it waits (ms)',
};
