#!/usr/bin/env bash
# Kubernetes 1.36.3. A ValidatingAdmissionPolicy may take core v1 Nodes as its parameters, chosen by a label
# selector. The API server then judges a request once for each such Node, and one refusal is enough. So a policy can refuse
# bindings to labelled nodes without knowing their names, which a match condition alone cannot.
#
# Seen:
#   binding to the node with the label: refused
#   binding to the other node: bound
source "$(dirname "$0")/lib/control-plane.sh"
build_kubernetes v1.36.3 kube-apiserver kubectl
start_api_server --disable-admission-plugins=ServiceAccount
node closed '{"metadata":{"labels":{"closed":"true"}}}'
node open
k create -f - > /dev/null << 'YAML'
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: closed}
spec:
  paramKind: {apiVersion: v1, kind: Node}
  matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods/binding]}]}
  validations: [{expression: "object.target.name != params.metadata.name", message: this node is closed}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: closed}
spec: {policyName: closed, validationActions: [Deny], paramRef: {selector: {matchLabels: {closed: "true"}}, parameterNotFoundAction: Allow}}
YAML
binding() { # POD NODE
  printf '{"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "%s"}, "target": {"kind": "Node", "name": "%s"}}' "$1" "$2" \
    | k create --raw "/api/v1/namespaces/default/pods/$1/binding" -f - 2>&1 || true
}
tries=0
refused() { # the policy takes a moment to be in force: a new pod for each try
  tries=$((tries + 1))
  k run "p$tries" --image=none > /dev/null
  binding "p$tries" closed | grep -q 'this node is closed'
}
until_true 30 refused
expect 'binding to the node with the label' "$(refused && echo refused)" refused
k run q --image=none > /dev/null
binding q open > /dev/null
expect 'binding to the other node' "$(k get pod q -o jsonpath='{.spec.nodeName}' | sed 's/open/bound/')" bound
