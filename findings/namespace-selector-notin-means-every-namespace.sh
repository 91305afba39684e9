#!/usr/bin/env bash
# Kubernetes up to 1.36.3. In a required pod affinity term, a namespaceSelector whose only requirements are NotIn
# or DoesNotExist matches pods of every namespace, those that it excludes too. kube-scheduler hands the term by
# value to the function that resolves the selector, and the last assignment is lost. 1.37.2 does as documented.
#
# Seen:
#   1.36.3: the pod that must run beside a pod outside of team=a is bound to: n1
#   1.37.2: the pod is bound to:
source "$(dirname "$0")/lib/control-plane.sh"

attempt() { # VERSION
  build_kubernetes "$1" kube-apiserver kube-scheduler kubectl
  start_api_server --disable-admission-plugins=ServiceAccount
  node n1
  k create namespace excluded > /dev/null
  k label namespace excluded team=a > /dev/null
  k create -f - > /dev/null << 'YAML'
{apiVersion: v1, kind: Pod, metadata: {name: there, namespace: excluded, labels: {app: db}},
 spec: {nodeName: n1, containers: [{name: c, image: none}]}}
YAML
  start_scheduler
  k create -f - > /dev/null << 'YAML'
{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, image: none}],
 affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname,
  labelSelector: {matchLabels: {app: db}}, namespaceSelector: {matchExpressions: [{key: team, operator: NotIn, values: [a]}]}}]}}}}
YAML
  until_true 20 decided
}
decided() { [ -n "$(k get pod p -o jsonpath='{.status.conditions[?(@.type=="PodScheduled")].status}')" ]; }

attempt v1.36.3
expect '1.36.3: the pod that must run beside a pod outside of team=a is bound to' "$(k get pod p -o jsonpath='{.spec.nodeName}')" n1
stop_all
rm -rf "$WORK/source" "$WORK/etcd" "$WORK/certs"
attempt v1.37.2
expect '1.37.2: the pod is bound to' "$(k get pod p -o jsonpath='{.spec.nodeName}')" ''
