#!/usr/bin/env bash
# Kubernetes 1.36.3. A pod cannot say preemptionPolicy: Never by itself, even where no PriorityClass is named
# and none is the default: the admission plugin Priority computes PreemptLowerPriority first and then refuses any
# other value, in words about "the given PriorityClass name". Only a PriorityClass can say Never.
#
# Seen:
#   without a class: the string value of PreemptionPolicy (Never) must not be provided in pod spec
#   with PreemptLowerPriority: accepted
#   with a class that says Never, and the pod too: accepted
source "$(dirname "$0")/lib/control-plane.sh"
build_kubernetes v1.36.3 kube-apiserver kubectl
start_api_server --disable-admission-plugins=ServiceAccount
k create priorityclass gentle --value=10 --preemption-policy=Never > /dev/null
until_true 10 k get priorityclass gentle
answer() { # FIELDS
  local said
  said=$(echo "{apiVersion: v1, kind: Pod, metadata: {generateName: p-}, spec: {$1, containers: [{name: c, image: none}]}}" \
    | k create -f - 2>&1) && echo accepted && return
  grep -oE 'the string value of PreemptionPolicy \(Never\) must not be provided in pod spec' <<< "$said"
}
expect 'without a class' "$(answer 'preemptionPolicy: Never')" 'the string value of PreemptionPolicy (Never) must not be provided in pod spec'
expect 'with PreemptLowerPriority' "$(answer 'preemptionPolicy: PreemptLowerPriority')" accepted
expect 'with a class that says Never, and the pod too' "$(answer 'priorityClassName: gentle, preemptionPolicy: Never')" accepted
