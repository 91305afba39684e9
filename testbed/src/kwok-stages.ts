/**
 * How KWOK plays nodes and their pods. What a pod does comes from its annotations, which travel with
 * it to wherever it runs:
 *
 *     testbed.spillway.dev/start-delay: 2s     until it is Running, default 0
 *     testbed.spillway.dev/run-time: 30s       until it ends, default 10 s; pods that are restarted
 *                                              forever (restartPolicy Always) never end
 *     testbed.spillway.dev/exit-code: "1"      default 0; not restarted, also with OnFailure
 *     testbed.spillway.dev/stuck: ImagePullBackOff
 *                                              its containers never start, and wait with this reason
 */
export const podAnnotations = {
  startDelay: 'testbed.spillway.dev/start-delay',
  runTime: 'testbed.spillway.dev/run-time',
  exitCode: 'testbed.spillway.dev/exit-code',
  stuck: 'testbed.spillway.dev/stuck',
} as const;

const annotation = (name: string): string => `.metadata.annotations["${name}"]`;

const conditions = `
      {{ $now := Now }}
      conditions:
      {{ range NodeConditions }}
      - lastHeartbeatTime: {{ $now | Quote }}
        lastTransitionTime: {{ $now | Quote }}
        message: {{ .message | Quote }}
        reason: {{ .reason | Quote }}
        status: {{ .status | Quote }}
        type: {{ .type | Quote }}
      {{ end }}`;

const ended = (phase: string): string => `
      {{ $now := Now }}
      {{ $root := . }}
      {{ $code := "0" }}
      {{ with .metadata.annotations }}
      {{ $code = or (index . "${podAnnotations.exitCode}") "0" }}
      {{ end }}
      conditions:
      - lastTransitionTime: {{ $now | Quote }}
        status: "False"
        type: Ready
        reason: Pod${phase === 'Succeeded' ? 'Completed' : 'Failed'}
      - lastTransitionTime: {{ $now | Quote }}
        status: "False"
        type: ContainersReady
        reason: Pod${phase === 'Succeeded' ? 'Completed' : 'Failed'}
      containerStatuses:
      {{ range .spec.containers }}
      - image: {{ .image | Quote }}
        imageID: ""
        name: {{ .name | Quote }}
        ready: false
        restartCount: 0
        started: false
        state:
          terminated:
            exitCode: {{ $code }}
            finishedAt: {{ $now | Quote }}
            startedAt: {{ or $root.status.startTime $now | Quote }}
            reason: ${phase === 'Succeeded' ? 'Completed' : 'Error'}
      {{ end }}
      phase: ${phase}`;

function stage(name: string, kind: 'Node' | 'Pod', rest: string): string {
  return `apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata:
  name: ${name}
spec:
  resourceRef:
    apiGroup: v1
    kind: ${kind}
${rest}
`;
}

const notDeleted = `    - key: '.metadata.deletionTimestamp'
      operator: 'DoesNotExist'`;

const running = `${notDeleted}
    - key: '.status.phase'
      operator: 'In'
      values: ['Running']`;

const exitCodeZero = `    - key: '(${annotation(podAnnotations.exitCode)} // "0")'
      operator: 'In'
      values: ['0']`;
const exitCodeOther = exitCodeZero.replace("'In'", "'NotIn'");

const endOf = (name: string, phase: string, selector: string, defaultMs: number): string =>
  stage(
    name,
    'Pod',
    `  selector:
    matchExpressions:
${running}
${selector}
  delay:
    durationMilliseconds: ${defaultMs}
    durationFrom:
      expressionFrom: '${annotation(podAnnotations.runTime)}'
  next:
    statusTemplate: |${ended(phase)}`,
  );

const mayEnd = `    - key: '.spec.restartPolicy'
      operator: 'In'
      values: ['Never', 'OnFailure']`;
export const kwokStages: string = [
  stage(
    'node-initialize',
    'Node',
    `  selector:
    matchExpressions:
    - key: '.status.conditions.[] | select( .type == "Ready" ) | .status'
      operator: 'NotIn'
      values: ['True']
  next:
    statusTemplate: |${conditions}
      addresses:
      - address: {{ NodeIP | Quote }}
        type: InternalIP
      {{ with NodePort }}
      daemonEndpoints:
        kubeletEndpoint:
          Port: {{ . }}
      {{ end }}
      nodeInfo:
        architecture: amd64
        bootID: ""
        containerRuntimeVersion: kwok
        kernelVersion: kwok
        kubeProxyVersion: kwok
        kubeletVersion: kwok
        machineID: ""
        operatingSystem: linux
        osImage: ""
        systemUUID: ""
      phase: Running`,
  ),
  stage(
    'node-heartbeat-with-lease',
    'Node',
    `  selector:
    matchExpressions:
    - key: '.status.phase'
      operator: 'In'
      values: ['Running']
    - key: '.status.conditions.[] | select( .type == "Ready" ) | .status'
      operator: 'In'
      values: ['True']
  delay:
    durationMilliseconds: 600000
    jitterDurationMilliseconds: 610000
  next:
    statusTemplate: |${conditions}`,
  ),
  stage(
    'pod-stuck',
    'Pod',
    `  selector:
    matchExpressions:
${notDeleted}
    - key: '${annotation(podAnnotations.stuck)}'
      operator: 'Exists'
    - key: '.status.containerStatuses'
      operator: 'DoesNotExist'
  next:
    statusTemplate: |
      {{ $now := Now }}
      {{ $reason := index .metadata.annotations "${podAnnotations.stuck}" }}
      conditions:
      - lastTransitionTime: {{ $now | Quote }}
        status: "False"
        type: Ready
        reason: ContainersNotReady
      containerStatuses:
      {{ range .spec.containers }}
      - image: {{ .image | Quote }}
        imageID: ""
        name: {{ .name | Quote }}
        ready: false
        restartCount: 0
        started: false
        state:
          waiting:
            reason: {{ $reason | Quote }}
      {{ end }}
      phase: Pending
      startTime: {{ $now | Quote }}`,
  ),
  stage(
    'pod-ready',
    'Pod',
    `  selector:
    matchExpressions:
${notDeleted}
    - key: '${annotation(podAnnotations.stuck)}'
      operator: 'DoesNotExist'
    - key: '.status.phase'
      operator: 'In'
      values: ['Pending']
    - key: '.status.conditions.[] | select( .type == "Ready" ) | .status'
      operator: 'NotIn'
      values: ['True']
  delay:
    durationMilliseconds: 0
    durationFrom:
      expressionFrom: '${annotation(podAnnotations.startDelay)}'
  next:
    statusTemplate: |
      {{ $now := Now }}
      conditions:
      - lastTransitionTime: {{ $now | Quote }}
        status: "True"
        type: PodReadyToStartContainers
      - lastTransitionTime: {{ $now | Quote }}
        status: "True"
        type: Initialized
      - lastTransitionTime: {{ $now | Quote }}
        status: "True"
        type: Ready
      - lastTransitionTime: {{ $now | Quote }}
        status: "True"
        type: ContainersReady
      containerStatuses:
      {{ range .spec.containers }}
      - image: {{ .image | Quote }}
        imageID: ""
        name: {{ .name | Quote }}
        ready: true
        restartCount: 0
        started: true
        state:
          running:
            startedAt: {{ $now | Quote }}
      {{ end }}
      {{ with PodIPWith .spec.nodeName ( or .spec.hostNetwork false ) ( or .metadata.uid "" ) ( or .metadata.name "" ) ( or .metadata.namespace "" ) }}
      podIP: {{ . | Quote }}
      podIPs:
      - ip: {{ . | Quote }}
      {{ end }}
      hostIP: {{ NodeIPWith .spec.nodeName | Quote }}
      phase: Running
      startTime: {{ $now | Quote }}`,
  ),
  endOf('pod-succeeds', 'Succeeded', `${mayEnd}\n${exitCodeZero}`, 10_000),
  endOf('pod-fails', 'Failed', `${mayEnd}\n${exitCodeOther}`, 10_000),
  stage(
    'pod-delete',
    'Pod',
    `  selector:
    matchExpressions:
    - key: '.metadata.deletionTimestamp'
      operator: 'Exists'
  delay:
    durationMilliseconds: 200
  next:
    delete: true`,
  ),
].join('---\n');
