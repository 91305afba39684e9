#!/usr/bin/env bash
# Kubernetes 1.36.3. The API server looks whether an object's name is free last, after admission and validation,
# and a dry run does the same. So 409 AlreadyExists on a create says that the object would have been admitted;
# an object that quota forbids is answered 403 although its name is taken.
#
# Seen:
#   a name that is taken, within the quota: AlreadyExists
#   a name that is taken, beyond the quota: exceeded quota
#   a name that is taken, not valid: is invalid
source "$(dirname "$0")/lib/control-plane.sh"
build_kubernetes v1.36.3 kube-apiserver kube-controller-manager kubectl
start_api_server --disable-admission-plugins=ServiceAccount
start_controllers
k create quota cpu --hard=requests.cpu=1 > /dev/null
until_true 20 k get quota cpu -o jsonpath='{.status.hard.requests\.cpu}'
pod() { # CONTAINER CPU
  echo "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: $1, image: none, resources: {requests: {cpu: $2}}}]}}"
}
answer() { pod "$@" | k create --dry-run=server -f - 2>&1 | grep -oE 'AlreadyExists|exceeded quota|is invalid' | head -1; }
created() { pod c 100m | k create -f -; }
until_true 20 created
expect 'a name that is taken, within the quota' "$(answer c 100m)" AlreadyExists
expect 'a name that is taken, beyond the quota' "$(answer c 2000m)" 'exceeded quota'
expect 'a name that is taken, not valid' "$(answer NOT_VALID 100m)" 'is invalid'
