#!/usr/bin/env bash
# Kubernetes 1.36.3. The API server merges matchLabelKeys of topology spread constraints and of pod affinity
# into the labelSelector when a pod is created, and keeps the keys. So no pod that was read from one API server
# can be created at another (a backup, a virtual cluster, a federation): the second one refuses what the first
# one wrote. The same holds for the same API server.
#
# Seen:
#   selector as stored: {"matchExpressions":[{"key":"version","operator":"In","values":["2"]}],"matchLabels":{"app":"web"}}
#   the copy: spec.topologySpreadConstraints[0][0]: Invalid value: "version": exists in both matchLabelKeys and labelSelector
source "$(dirname "$0")/lib/control-plane.sh"
build_kubernetes v1.36.3 kube-apiserver kubectl
start_api_server --disable-admission-plugins=ServiceAccount
k create -f - > /dev/null << 'YAML'
{apiVersion: v1, kind: Pod, metadata: {name: p, labels: {app: web, version: "2"}}, spec: {containers: [{name: c, image: none}],
 topologySpreadConstraints: [{maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: DoNotSchedule,
  labelSelector: {matchLabels: {app: web}}, matchLabelKeys: [version]}]}}
YAML
selector=$(k get pod p -o jsonpath='{.spec.topologySpreadConstraints[0].labelSelector}')
expect 'selector as stored' "$selector" '{"matchExpressions":[{"key":"version","operator":"In","values":["2"]}],"matchLabels":{"app":"web"}}'
refused=$(k get pod p -o json | sed 's/"name": "p"/"name": "copy"/; /"uid":/d; /"resourceVersion":/d' | k create -f - 2>&1 || true)
expect 'the copy' "$(grep -oE 'spec.topologySpread.*labelSelector' <<< "$refused")" 'spec.topologySpreadConstraints[0][0]: Invalid value: "version": exists in both matchLabelKeys and labelSelector'
