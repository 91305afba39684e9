#!/usr/bin/env bash
# Kubernetes and kubectl 1.36.3. The API server takes an Event about a Namespace in that very namespace and in
# `default`. `kubectl describe namespace` shows neither of them, although `describe` of other kinds shows events.
# `kubectl get events` and `kubectl events --for` show each of them only with the right -n.
#
# Seen:
#   event in the namespace: taken
#   event in default: taken
#   kubectl describe namespace lab: no events
#   kubectl describe node n1: an event
#   kubectl events --for namespace/lab -n lab: inside
#   kubectl events --for namespace/lab -n default: outside
source "$(dirname "$0")/lib/control-plane.sh"
build_kubernetes v1.36.3 kube-apiserver kubectl
start_api_server --disable-admission-plugins=ServiceAccount
node n1
k create namespace lab > /dev/null
event() { # NAME NAMESPACE INVOLVED-OBJECT MESSAGE: what the API server says
  k create -f - << YAML 2>&1 | grep -q created && echo taken || echo refused
{apiVersion: v1, kind: Event, metadata: {name: $1, namespace: $2}, involvedObject: $3, type: Warning, reason: Odd, message: $4, lastTimestamp: "$(date -u +%FT%TZ)"}
YAML
}
lab() { # [NAMESPACE]
  echo "{apiVersion: v1, kind: Namespace, name: lab, ${1:+namespace: $1,} uid: $(k get namespace lab -o jsonpath='{.metadata.uid}')}"
}
expect 'event in the namespace' "$(event inside lab "$(lab lab)" inside)" taken
expect 'event in default' "$(event outside default "$(lab)" outside)" taken
event of-node default '{apiVersion: v1, kind: Node, name: n1, uid: n1}' of-node > /dev/null
described() { k describe "$@" | grep -cE 'Odd +' || true; }
expect 'kubectl describe namespace lab' "$(described namespace lab | sed 's/^0$/no events/')" 'no events'
expect 'kubectl describe node n1' "$(described node n1 | sed 's/^1$/an event/')" 'an event'
for namespace in lab default; do
  seen=$(k events --for namespace/lab -n $namespace --no-headers | awk '{print $NF}')
  expect "kubectl events --for namespace/lab -n $namespace" "$seen" "$([ $namespace = lab ] && echo inside || echo outside)"
done
