#!/usr/bin/env bash
# kube-controller-manager 1.36.3. Nodes without zone labels are one zone. When more than 55 % of a small zone's
# nodes are unreachable, the node lifecycle controller evicts from none of them. So three virtual nodes whose far
# ends are cut off keep pods on a real node that is lost. The label node.kubernetes.io/exclude-disruption, made
# for something that sounds different, takes a node out of that count.
#
# Seen:
#   with three other nodes gone, after 40 s: the pod of the lost node is not evicted
#   with the label on those three: the pod of the lost node is evicted
source "$(dirname "$0")/lib/control-plane.sh"
build_kubernetes v1.36.3 kube-apiserver kube-controller-manager kubectl
start_api_server --disable-admission-plugins=ServiceAccount,DefaultTolerationSeconds
for name in alive lost far1 far2 far3; do node $name; done
k create -f - > /dev/null << 'YAML'
{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {nodeName: lost, terminationGracePeriodSeconds: 0, containers: [{name: c, image: none}]}}
YAML
lease() {
  k apply -f - > /dev/null 2>&1 << YAML
{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: alive, namespace: kube-node-lease},
 spec: {holderIdentity: alive, leaseDurationSeconds: 40, renewTime: "$(date -u +%FT%T.000000Z)"}}
YAML
}
start_controllers --node-monitor-grace-period=8s --node-monitor-period=1s
gone() {
  lease
  ! k get pod p
}
unreachable() {
  lease
  [ "$(k get node lost far1 far2 far3 -o jsonpath='{.items[*].status.conditions[?(@.type=="Ready")].status}')" = 'Unknown Unknown Unknown Unknown' ]
}
until_true 60 unreachable
until_true 40 gone 2> /dev/null && first=evicted || first='not evicted'
expect 'with three other nodes gone, after 40 s: the pod of the lost node is' "$first" 'not evicted'
k label node far1 far2 far3 node.kubernetes.io/exclude-disruption= > /dev/null
until_true 60 gone && second=evicted || second='not evicted'
expect 'with the label on those three: the pod of the lost node is' "$second" evicted
