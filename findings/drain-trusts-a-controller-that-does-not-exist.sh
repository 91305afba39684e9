#!/usr/bin/env bash
# kubectl 1.36.3. `kubectl drain` refuses pods that "declare no controller", but it looks a controller up only
# when its kind is DaemonSet. Any other owner reference with controller: true satisfies it: a kind that no API
# server knows, an object that does not exist.
#
# Seen:
#   drain with a bare pod: cannot delete Pods that declare no controller
#   drain with a pod of Foo/bar: pod/owned evicted
source "$(dirname "$0")/lib/control-plane.sh"
build_kubernetes v1.36.3 kube-apiserver kubectl
start_api_server --disable-admission-plugins=ServiceAccount
node n1
pod() { # NAME [owner references]
  k create -f - > /dev/null << YAML
{apiVersion: v1, kind: Pod, metadata: {name: $1, ownerReferences: [${2:-}]}, spec: {nodeName: n1, terminationGracePeriodSeconds: 0, containers: [{name: c, image: none}]}}
YAML
}
pod bare
refused=$(k drain n1 --timeout=5s 2>&1 || true)
expect 'drain with a bare pod' "$(grep -oE 'cannot delete Pods that declare no controller' <<< "$refused" | head -1)" 'cannot delete Pods that declare no controller'
k delete pod bare --grace-period=0 --force > /dev/null 2>&1
pod owned '{apiVersion: example.com/v1, kind: Foo, name: bar, uid: 7a1c1c5e-0000-4000-8000-000000000000, controller: true}'
drained=$(k drain n1 --timeout=20s 2>&1 || true)
expect 'drain with a pod of Foo/bar' "$(grep -oE 'pod/owned evicted' <<< "$drained")" 'pod/owned evicted'
