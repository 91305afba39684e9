#!/usr/bin/env bash
# Kubernetes 1.36.3. The admission plugin PodTopologyLabels copies topology.kubernetes.io/zone and region from
# the node to the pod at its binding, and at its creation with a nodeName. It replaces what the pod's author had
# written in a label of that name. So a pod can stop matching its own selectors by being scheduled.
#
# Seen:
#   zone label of the pod before its binding: mine
#   after its binding: east
#   of a pod created with nodeName: east
#   pods that the selector zone=mine finds: 0
source "$(dirname "$0")/lib/control-plane.sh"
build_kubernetes v1.36.3 kube-apiserver kubectl
start_api_server --disable-admission-plugins=ServiceAccount
node n1 '{"metadata":{"labels":{"topology.kubernetes.io/zone":"east"}}}'
zone=topology.kubernetes.io/zone
label() { k get pod "$1" -o jsonpath='{.metadata.labels.topology\.kubernetes\.io/zone}'; }
k run p --image=none --labels=$zone=mine > /dev/null
expect 'zone label of the pod before its binding' "$(label p)" mine
k create --raw /api/v1/namespaces/default/pods/p/binding -f - > /dev/null << 'JSON'
{"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n1"}}
JSON
expect 'after its binding' "$(label p)" east
k run q --image=none --labels=$zone=mine --overrides='{"spec":{"nodeName":"n1"}}' > /dev/null
expect 'of a pod created with nodeName' "$(label q)" east
expect 'pods that the selector zone=mine finds' "$(k get pods -l $zone=mine --no-headers 2> /dev/null | wc -l)" 0
