#!/usr/bin/env bash
# Kubernetes 1.37.2. Once the kubelet has reported a running pod's pod-level allocatedResources, which include
# its RuntimeClass overhead, kube-scheduler adds the overhead of the spec to them a second time. So a node of
# 4 CPU with one pod of 1 CPU and 1 CPU overhead has no room for 2 CPU. Kubernetes 1.36.3 has.
#
# Seen:
#   1.36.3: the second pod is bound to: n1
#   1.37.2: the second pod: 0/1 nodes are available: 1 Insufficient cpu
source "$(dirname "$0")/lib/control-plane.sh"

second_pod() { # VERSION: leaves pod b as the scheduler left it
  build_kubernetes "$1" kube-apiserver kube-scheduler kubectl
  start_api_server --disable-admission-plugins=ServiceAccount
  node n1
  k create -f - > /dev/null << 'YAML'
{apiVersion: node.k8s.io/v1, kind: RuntimeClass, metadata: {name: heavy}, handler: heavy, overhead: {podFixed: {cpu: "1"}}}
YAML
  start_scheduler
  pod a '"1"' 'runtimeClassName: heavy,'
  until_true 20 bound a
  # What a 1.37 kubelet writes for a running pod: its requests with the overhead.
  k patch pod a --subresource=status --type=merge -p '{"status": {"phase": "Running",
    "allocatedResources": {"cpu": "2"}, "resources": {"requests": {"cpu": "2"}}}}' > /dev/null
  pod b '"2"' ''
  until_true 20 decided b
}
pod() { # NAME CPU MORE
  k create -f - > /dev/null << YAML
{apiVersion: v1, kind: Pod, metadata: {name: $1}, spec: {$3 containers: [{name: c, image: none, resources: {requests: {cpu: $2}}}]}}
YAML
}
bound() { [ -n "$(k get pod "$1" -o jsonpath='{.spec.nodeName}')" ]; }
decided() { [ -n "$(k get pod "$1" -o jsonpath='{.status.conditions[?(@.type=="PodScheduled")].status}')" ]; }

second_pod v1.36.3
expect '1.36.3: the second pod is bound to' "$(k get pod b -o jsonpath='{.spec.nodeName}')" n1
rm -rf "$WORK/source"
stop_all
second_pod v1.37.2
why=$(k get pod b -o jsonpath='{.status.conditions[?(@.type=="PodScheduled")].message}')
expect '1.37.2: the second pod' "${why%%. *}" '0/1 nodes are available: 1 Insufficient cpu'
