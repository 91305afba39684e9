/**
 * What a host does with each field of a guest's metadata, spec and containers. This is the one list. The
 * code uses it, docs/security.md is made from it, and a test compares it with what API servers know.
 *
 * A field that is not in the list comes from a Kubernetes that is newer than this program. The host refuses
 * a pod with such a field. It cannot know whether the pod works without it, or what power it gives.
 */

/**
 * `honoured`: as the pod has it. `narrowed`: by the host's terms. `replaced`: the host has a value of its
 * own. `dropped`: the pod runs without, and its home is told. `refused`: a pod that has it does not come.
 */
export type Treatment = 'honoured' | 'narrowed' | 'replaced' | 'dropped' | 'refused';

export interface FieldRule {
  readonly treatment: Treatment;
  readonly why: string;
}

const rule = (treatment: Treatment, why: string): FieldRule => ({ treatment, why });
const ofTheServer = rule('replaced', 'The API server of the host writes it.');
const ofTheGuest = rule('honoured', 'It acts inside of the guest only.');
const ofTheKubelet = rule('honoured', 'The kubelet acts on the guest’s own containers by it.');

export const metadataFields: Readonly<Record<string, FieldRule>> = {
  name: rule('honoured', 'The guest has its hostname from it.'),
  generateName: rule('replaced', 'The pod has a name when it comes.'),
  namespace: rule('replaced', 'It is the guest namespace of its home and namespace.'),
  labels: rule(
    'narrowed',
    'Those without a prefix stay, but for `aadpodidbinding`. Others stay where `guests.labels` lists them. Controllers of a host obey labels such as `azure.workload.identity/use`.',
  ),
  annotations: rule(
    'narrowed',
    'Those stay that `guests.annotations` lists. Controllers of a host obey annotations: they give cloud roles, networks, sidecars, and keep nodes alive.',
  ),
  ownerReferences: rule(
    'replaced',
    'The guest namespace owns the guest, so that `kubectl drain` and autoscalers take it for a controller’s pod.',
  ),
  finalizers: rule('replaced', 'None: a guest ends when its host ends it.'),
  uid: rule('replaced', 'The home’s is the label `spillway.dev/home-uid`.'),
  selfLink: ofTheServer,
  resourceVersion: ofTheServer,
  generation: ofTheServer,
  creationTimestamp: ofTheServer,
  deletionTimestamp: ofTheServer,
  deletionGracePeriodSeconds: ofTheServer,
  managedFields: ofTheServer,
};

export const specFields: Readonly<Record<string, FieldRule>> = {
  containers: rule('narrowed', 'Field by field, below.'),
  initContainers: rule('narrowed', 'Field by field, below.'),
  ephemeralContainers: rule('dropped', 'A pod cannot be created with them.'),
  volumes: rule(
    'narrowed',
    '`emptyDir`, `configMap`, `secret`, `downwardAPI`, `image` (as `guests.images` says), and `projected` of these. A pod with another volume is refused: it would be the node’s, the storage’s or an identity of the host.',
  ),
  restartPolicy: ofTheKubelet,
  terminationGracePeriodSeconds: rule(
    'narrowed',
    'Maximum: `guests.terminationGraceSecondsMax`. A longer one would keep a node from being drained.',
  ),
  activeDeadlineSeconds: ofTheKubelet,
  dnsPolicy: rule(
    'honoured',
    'It says whom the guest asks. What it reaches, network policies say.',
  ),
  dnsConfig: rule(
    'honoured',
    'It says whom the guest asks. What it reaches, network policies say.',
  ),
  hostAliases: ofTheGuest,
  hostname: ofTheGuest,
  subdomain: rule('honoured', 'It names the guest in its own namespace only.'),
  setHostnameAsFQDN: ofTheGuest,
  hostnameOverride: ofTheGuest,
  nodeSelector: rule('honoured', 'It only narrows where the guest may run.'),
  affinity: rule(
    'narrowed',
    'Towards nodes: it only narrows. A shadow that a scheduler binds is pinned to the node that is held. Towards pods: to those of the same home, so that no guest shuts pods of the host out. What cannot be said so is refused where it is required, else dropped.',
  ),
  topologySpreadConstraints: rule(
    'narrowed',
    'They count pods of the guest’s own namespace. One that counts by a label which is not kept is refused where it must hold, else dropped. The agent spreads guests; a shadow that a scheduler binds (`host.scheduler`) has no constraints.',
  ),
  tolerations: rule(
    'narrowed',
    'Those stay of `not-ready` and `unreachable` (`NoExecute`), of resources that the pod asks for, and of keys in `guests.tolerations`. One of every taint becomes these.',
  ),
  nodeName: rule('replaced', 'The agent of the host chooses the node, by its own filters.'),
  schedulerName: rule('replaced', 'It is `host.scheduler`, or `spillway` if that is empty.'),
  serviceAccountName: rule('replaced', 'It is `default`, whose token is not mounted.'),
  serviceAccount: rule('replaced', 'It is `default`, whose token is not mounted.'),
  automountServiceAccountToken: rule(
    'replaced',
    'It is `false`: a guest has no token of the host.',
  ),
  enableServiceLinks: rule(
    'replaced',
    'It is `false`: a guest is not told of Services of the host.',
  ),
  priorityClassName: rule('replaced', 'It is `spillway-guest`: a guest pushes nobody away.'),
  priority: rule('replaced', 'It is that of `spillway-guest`.'),
  preemptionPolicy: rule('replaced', 'It is that of `spillway-guest`.'),
  hostNetwork: rule('refused', 'It is the node’s network.'),
  hostPID: rule('refused', 'They are the node’s processes.'),
  hostIPC: rule('refused', 'It is the node’s IPC.'),
  hostUsers: rule('honoured', '`false` takes power away; `true` is the default.'),
  shareProcessNamespace: ofTheGuest,
  securityContext: rule(
    'honoured',
    'As far as Pod Security `baseline` goes, which the API server of the host enforces in guest namespaces (SELinux, sysctls, seccomp, AppArmor).',
  ),
  imagePullSecrets: rule('honoured', 'They are Secrets of the guest namespace.'),
  readinessGates: rule(
    'replaced',
    'None: the controllers that open them are at home. The home holds the pod unready until they do.',
  ),
  runtimeClassName: rule(
    'narrowed',
    'A pod whose class `guests.runtimeClasses` does not list is refused.',
  ),
  overhead: rule('honoured', 'The API server of the host holds it to the RuntimeClass.'),
  os: rule('honoured', 'It only narrows where the guest may run.'),
  schedulingGates: rule('refused', 'A pod with gates does not leave its home.'),
  resourceClaims: rule('refused', 'They are claims of the home.'),
  resources: rule('honoured', 'The host holds room for them.'),
  workloadRef: rule('refused', 'It is a group that the home schedules as one (1.35).'),
  schedulingGroup: rule('refused', 'It is a group that the home schedules as one (1.36).'),
  evictionResponders: rule('dropped', 'They would have a say in evictions of the host (1.37).'),
};

/** Of `containers` and `initContainers`. */
export const containerFields: Readonly<Record<string, FieldRule>> = {
  name: ofTheGuest,
  image: rule('narrowed', 'A pod whose image `guests.images` does not list is refused.'),
  imagePullPolicy: ofTheKubelet,
  command: ofTheGuest,
  args: ofTheGuest,
  workingDir: ofTheGuest,
  ports: rule('narrowed', 'A pod that opens a port of its node (`hostPort`) is refused.'),
  envFrom: rule('honoured', 'From ConfigMaps and Secrets of the guest namespace.'),
  env: rule(
    'narrowed',
    'As it is. Of its own name, namespace, UID, node, account, labels and annotations a guest sees what the pod has at home.',
  ),
  resources: rule('honoured', 'The host holds room for them.'),
  resizePolicy: ofTheKubelet,
  restartPolicy: ofTheKubelet,
  restartPolicyRules: ofTheKubelet,
  volumeMounts: ofTheGuest,
  volumeDevices: ofTheGuest,
  livenessProbe: rule('honoured', 'Pod Security `baseline` forbids those of other hosts.'),
  readinessProbe: rule('honoured', 'Pod Security `baseline` forbids those of other hosts.'),
  startupProbe: rule('honoured', 'Pod Security `baseline` forbids those of other hosts.'),
  lifecycle: rule('honoured', 'Pod Security `baseline` forbids those of other hosts.'),
  terminationMessagePath: ofTheGuest,
  terminationMessagePolicy: ofTheGuest,
  securityContext: rule(
    'honoured',
    'As far as Pod Security `baseline` goes (privileged, capabilities, procMount, SELinux, seccomp, AppArmor).',
  ),
  stdin: ofTheGuest,
  stdinOnce: ofTheGuest,
  tty: ofTheGuest,
};
