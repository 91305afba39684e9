#!/usr/bin/env bash
# Kubernetes 1.36.3. The API server replaces the grace period of a DELETE by 0 if the pod is not bound to a node,
# also when the request names a period and the spec another one. A finalizer delays the end, and keeps nothing of the
# period: the pod is Terminating with 0 s left.
#
# Seen, with terminationGracePeriodSeconds 600 and `kubectl delete --grace-period=300`:
#   a pod that is bound: has 300 s left
#   a pod that is not bound: gone
#   a pod that is not bound, with a finalizer: has 0 s left
source "$(dirname "$0")/lib/control-plane.sh"
build_kubernetes v1.36.3 kube-apiserver kubectl
start_api_server --disable-admission-plugins=ServiceAccount
node n1
pod() { # NAME FINALIZER [MORE]
  k create -f - > /dev/null << YAML
{apiVersion: v1, kind: Pod, metadata: {name: $1, finalizers: [$2]}, spec: {${3:-} terminationGracePeriodSeconds: 600, containers: [{name: c, image: none}]}}
YAML
}
pod bound '' 'nodeName: n1,'
pod unbound ''
pod kept example.com/keep
for name in bound unbound kept; do k delete pod $name --grace-period=300 --wait=false > /dev/null; done
left() {
  k get pod "$1" > /dev/null 2>&1 || { echo gone && return; }
  echo "has $(k get pod "$1" -o jsonpath='{.metadata.deletionGracePeriodSeconds}') s left"
}
expect 'a pod that is bound' "$(left bound)" 'has 300 s left'
expect 'a pod that is not bound' "$(left unbound)" gone
expect 'a pod that is not bound, with a finalizer' "$(left kept)" 'has 0 s left'
