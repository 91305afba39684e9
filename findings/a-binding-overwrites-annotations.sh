#!/usr/bin/env bash
# Kubernetes 1.36.3. A Binding is more than a node name: its annotations and labels are merged into the pod
# in the same atomic step. An annotation that the pod's author has set under the same key is replaced.
# The right to create `pods/binding` is enough, the binder needs no right to patch pods.
#
# Seen:
#   annotations after the binding: by the binding/kept
#   label after the binding: by the binding
#   the binder may patch pods: no
source "$(dirname "$0")/lib/control-plane.sh"
build_kubernetes v1.36.3 kube-apiserver kubectl
start_api_server --disable-admission-plugins=ServiceAccount
node n1
k run p --image=none --annotations='a=by the author' --annotations=b=kept > /dev/null
k create clusterrole binder --verb=create --resource=pods/binding > /dev/null
k create clusterrolebinding binder --clusterrole=binder --user=someone > /dev/null
k_as someone create --raw /api/v1/namespaces/default/pods/p/binding -f - > /dev/null << 'JSON'
{"apiVersion": "v1", "kind": "Binding", "target": {"kind": "Node", "name": "n1"},
 "metadata": {"name": "p", "annotations": {"a": "by the binding"}, "labels": {"l": "by the binding"}}}
JSON
expect 'annotations after the binding' "$(k get pod p -o jsonpath='{.metadata.annotations.a}/{.metadata.annotations.b}')" 'by the binding/kept'
expect 'label after the binding' "$(k get pod p -o jsonpath='{.metadata.labels.l}')" 'by the binding'
expect 'the binder may patch pods' "$(k_as someone auth can-i patch pods 2> /dev/null || true)" no
