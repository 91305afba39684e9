#!/usr/bin/env bash
# Kubernetes 1.36.3. Namespaces are cluster-scoped, yet a RoleBinding inside a namespace can grant the right to
# delete that Namespace object, and only that one: for namespaces the API server asks the authorizer with the
# namespace's own name as the request's namespace. `kubectl auth can-i` must be asked with -n to tell so.
#
# Seen:
#   can-i delete namespace a, without -n: no
#   can-i delete namespace a, with -n a: yes
#   can-i delete namespace b, with -n b: no
#   a after the deletion: Terminating
source "$(dirname "$0")/lib/control-plane.sh"
build_kubernetes v1.36.3 kube-apiserver kubectl
start_api_server
k create namespace a > /dev/null
k create namespace b > /dev/null
k -n a create role cleaner --verb=delete,get --resource=namespaces > /dev/null
k -n a create rolebinding cleaner --role=cleaner --user=someone > /dev/null
may() { k_as someone auth can-i delete "namespaces/$1" "${@:2}" 2> /dev/null || true; }
until_true 10 k_as someone get namespace a
expect 'can-i delete namespace a, without -n' "$(may a)" no
expect 'can-i delete namespace a, with -n a' "$(may a -n a)" yes
expect 'can-i delete namespace b, with -n b' "$(may b -n b)" no
k_as someone delete namespace a --wait=false > /dev/null
expect 'a after the deletion' "$(k get namespace a -o jsonpath='{.status.phase}')" Terminating
