#!/usr/bin/env bash
# Kubernetes 1.36.3. `kubectl delete pod --force --grace-period=0` does not remove a running pod of a Job: the
# finalizer batch.kubernetes.io/job-tracking keeps it. A Job without podFailurePolicy counts such a pod as failed and
# removes the finalizer at once. With podFailurePolicy it waits for the phase Failed, which only a kubelet or the pod
# garbage collector writes. So while the node is there and its kubelet is not, the pod stays and has no replacement.
#
# Seen:
#   plain, force-deleted: gone, and replaced
#   with a podFailurePolicy, force-deleted, after 30 s: Running, not replaced
#   with a podFailurePolicy, once its phase is Failed: gone, and replaced
source "$(dirname "$0")/lib/control-plane.sh"
build_kubernetes v1.36.3 kube-apiserver kube-controller-manager kubectl
start_api_server --disable-admission-plugins=ServiceAccount
node n1
start_controllers --node-monitor-grace-period=1h
job() { # NAME [MORE]
  k create -f - > /dev/null << YAML
{apiVersion: batch/v1, kind: Job, metadata: {name: $1}, spec: {backoffLimit: 5, ${2:-}
 template: {metadata: {labels: {job: $1}}, spec: {nodeName: n1, restartPolicy: Never, containers: [{name: c, image: none}]}}}}
YAML
}
pods() { k get pods -l "job=$1" -o jsonpath='{range .items[*]}{.metadata.name}{"\n"}{end}'; }
there() { [ -n "$(pods "$1")" ]; }
first() { # JOB: its pod, running
  until_true 30 there "$1"
  pods "$1"
  k patch pod "$(pods "$1")" --subresource=status -p '{"status": {"phase": "Running"}}' > /dev/null
}
gone() { ! k get pod "$1"; }
replaced() { # JOB OLD-POD
  gone "$2" && there "$1"
}
force_delete() { k delete pod "$1" --force --grace-period=0 --wait=false > /dev/null 2>&1; }

job plain
old=$(first plain)
force_delete "$old"
until_true 60 replaced plain "$old" && seen='gone, and replaced' || seen="$(k get pod "$old" -o jsonpath='{.status.phase}')"
expect 'plain, force-deleted' "$seen" 'gone, and replaced'

job careful 'podFailurePolicy: {rules: [{action: Ignore, onPodConditions: [{type: DisruptionTarget, status: "True"}]}]},'
old=$(first careful)
force_delete "$old"
moved() { [ "$(pods careful)" != "$old" ]; }
until_true 30 moved 2> /dev/null && seen=moved || seen="$(k get pod "$old" -o jsonpath='{.status.phase}'), not replaced"
expect 'with a podFailurePolicy, force-deleted, after 30 s' "$seen" 'Running, not replaced'
k patch pod "$old" --subresource=status -p '{"status": {"phase": "Failed"}}' > /dev/null
until_true 60 replaced careful "$old" && seen='gone, and replaced' || seen='not replaced'
expect 'with a podFailurePolicy, once its phase is Failed' "$seen" 'gone, and replaced'
