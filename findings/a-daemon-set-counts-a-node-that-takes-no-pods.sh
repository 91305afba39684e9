#!/usr/bin/env bash
# Kubernetes 1.36.3. The DaemonSet controller asks a node's name, affinity and taints, and not its room. A
# DaemonSet that tolerates everything wants a pod on a node whose allocatable says pods: 0, where
# kube-scheduler never puts one. So its rollout never ends.
#
# Seen:
#   desired: 2
#   bound: 1
#   why the other one waits: 1 Too many pods
source "$(dirname "$0")/lib/control-plane.sh"
build_kubernetes v1.36.3 kube-apiserver kube-controller-manager kube-scheduler kubectl
start_api_server
node real
node full
k patch node full --subresource=status --type=merge -p '{"status":{"allocatable":{"pods":"0"},"capacity":{"pods":"0"}}}' > /dev/null
start_controllers
start_scheduler
k create -f - > /dev/null << 'YAML'
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: d}
spec:
  selector: {matchLabels: {app: d}}
  template:
    metadata: {labels: {app: d}}
    spec: {tolerations: [{operator: Exists}], containers: [{name: c, image: none}]}
YAML
messages() { k get pods -l app=d -o jsonpath='{.items[*].status.conditions[?(@.type=="PodScheduled")].message}'; }
one_waits() { messages | grep -q 'Too many pods' && k get pods -l app=d -o jsonpath='{.items[*].spec.nodeName}' | grep -q real; }
until_true 25 one_waits
expect desired "$(k get daemonset d -o jsonpath='{.status.desiredNumberScheduled}')" 2
expect bound "$(k get pods -l app=d -o jsonpath='{.items[*].spec.nodeName}' | wc -w)" 1
expect 'why the other one waits' "$(messages | grep -oE '1 Too many pods')" '1 Too many pods'
