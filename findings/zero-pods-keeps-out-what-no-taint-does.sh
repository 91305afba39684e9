#!/usr/bin/env bash
# kube-scheduler 1.36.3. Neither taints of both effects nor spec.unschedulable keep a pod away that tolerates
# everything, and allocatable CPU and memory of 0 keep away only pods that request some. `allocatable.pods: 0`
# keeps out every pod, one of priority system-node-critical as well, and nobody is preempted for it.
#
# Seen:
#   bound to a node with NoSchedule and NoExecute taints, cordoned, without CPU and memory: n1
#   with pods: 0: 0/1 nodes are available: 1 Too many pods
source "$(dirname "$0")/lib/control-plane.sh"
build_kubernetes v1.36.3 kube-apiserver kube-scheduler kubectl
start_api_server --disable-admission-plugins=ServiceAccount
node n1 '{"spec":{"unschedulable":true,"taints":[{"key":"a","effect":"NoSchedule"},{"key":"b","effect":"NoExecute"}]}}'
none='"cpu":"0","memory":"0"'
k patch node n1 --subresource=status --type=merge -p "{\"status\":{\"capacity\":{$none},\"allocatable\":{$none}}}" > /dev/null
start_scheduler
pod() {
  k create -f - > /dev/null << YAML
{apiVersion: v1, kind: Pod, metadata: {name: $1, namespace: kube-system}, spec: {priorityClassName: system-node-critical, tolerations: [{operator: Exists}], containers: [{name: c, image: none}]}}
YAML
}
at() { k -n kube-system get pod "$1" -o jsonpath="$2"; }
bound() { [ -n "$(at "$1" '{.spec.nodeName}')" ]; }
refused() { [ -n "$(at "$1" '{.status.conditions[?(@.type=="PodScheduled")].message}')" ]; }
pod a
until_true 20 bound a
expect 'bound to a node with NoSchedule and NoExecute taints, cordoned, without CPU and memory' "$(at a '{.spec.nodeName}')" n1
k -n kube-system delete pod a --grace-period=0 --force > /dev/null 2>&1
k patch node n1 --subresource=status --type=merge -p '{"status":{"allocatable":{"pods":"0"}}}' > /dev/null
pod b
until_true 20 refused b
why=$(at b '{.status.conditions[?(@.type=="PodScheduled")].message}')
expect 'with pods: 0' "${why%%. *}" '0/1 nodes are available: 1 Too many pods'
