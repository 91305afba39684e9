#!/usr/bin/env bash
# Kubernetes 1.36.3. A patch of a Node's status subresource also writes metadata.labels and annotations, and not
# spec. For a Pod it writes labels and annotations, too. For a Deployment it writes annotations alone. So the right
# `patch nodes/status` is enough to move a node to another zone.
#
# Seen:
#   node: label=new annotation=new unschedulable=
#   pod: label=new annotation=new
#   deployment: label= annotation=new
source "$(dirname "$0")/lib/control-plane.sh"
build_kubernetes v1.36.3 kube-apiserver kubectl
start_api_server --disable-admission-plugins=ServiceAccount
node n1
k run p --image=none > /dev/null
k create deployment d --image=none > /dev/null
patch='{"metadata":{"labels":{"x":"new"},"annotations":{"x":"new"}},"spec":{"unschedulable":true},"status":{"conditions":[]}}'
both() { k get "$@" -o jsonpath='label={.metadata.labels.x} annotation={.metadata.annotations.x}'; }
k patch node n1 --subresource=status --type=merge -p "$patch" > /dev/null
expect node "$(both node n1) unschedulable=$(k get node n1 -o jsonpath='{.spec.unschedulable}')" 'label=new annotation=new unschedulable='
patch='{"metadata":{"labels":{"x":"new"},"annotations":{"x":"new"}}}'
k patch pod p --subresource=status --type=merge -p "$patch" > /dev/null
expect pod "$(both pod p)" 'label=new annotation=new'
k patch deployment d --subresource=status --type=merge -p "$patch" > /dev/null
expect deployment "$(both deployment d)" 'label= annotation=new'
