# Sourced by findings. Builds pinned Kubernetes programs from public Go modules into a temp folder,
# runs them on loopback, and ends them. Needs Go, openssl and curl; nothing of Spillway.
#
#   build_kubernetes VERSION PROGRAM…   etcd comes along; the Go build cache makes a second run quick
#   start_api_server [FLAG…]            then `k …` is kubectl as an administrator, `k_as USER …` as another
#   start_controllers [FLAG…]           kube-controller-manager
#   start_scheduler [FLAG…]             kube-scheduler
#   stop_all                            ends what was started and removes its data: another version can start
#   until_true SECONDS COMMAND…         waits for a condition
#   node NAME [JSON-PATCH]              a Ready node of 4 CPU, 8 GiB, 110 pods without a kubelet
#   expect WHAT ACTUAL EXPECTED         prints what was seen, fails when it differs
set -euo pipefail

WORK=$(mktemp -d)
PROCESSES=()
stop_all() {
  # Nothing is worth a graceful end: an API server waits a minute for its connections.
  for pid in "${PROCESSES[@]:-}"; do
    [ -z "$pid" ] || { kill -KILL "$pid" && wait "$pid"; } 2> /dev/null || true
  done
  PROCESSES=()
  rm -rf "$WORK/etcd" "$WORK/certs"
}
cleanup() {
  stop_all
  chmod -R u+w "$WORK" 2> /dev/null || true
  rm -rf "$WORK"
}
trap cleanup EXIT

build_kubernetes() {
  local version=$1 staging=v0.${1#v1.} minor=${1#v1.}
  shift
  minor=${minor%%.*}
  mkdir -p "$WORK/source" "$WORK/bin"
  cd "$WORK/source"
  local module
  module=$(go mod download -json "k8s.io/kubernetes@$version" | sed -n 's/.*"GoMod": "\(.*\)",/\1/p')
  {
    echo 'module findings'
    sed -n 's/^go /go /p' "$module"
    sed -n "s/^\t\?\(replace \)\?\(k8s.io\/[a-z-]*\) => .\/staging.*/replace \2 => \2 $staging/p" "$module"
  } > go.mod
  local tools=(go.etcd.io/etcd/server/v3)
  for program in "$@"; do tools+=("k8s.io/kubernetes/cmd/$program"); done
  printf '//go:build tools\npackage tools\nimport (\n' > tools.go
  printf '_ "%s"\n' "${tools[@]}" >> tools.go
  echo ')' >> tools.go
  go mod edit -require "k8s.io/kubernetes@$version"
  # The version of etcd is the one that this Kubernetes is made with.
  go mod tidy -e > tidy.log 2>&1 || { tail -3 tidy.log; return 1; }
  local flags="-s -w -X k8s.io/component-base/version.gitVersion=$version"
  flags+=" -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=$minor"
  for tool in "${tools[@]}"; do
    local name=${tool##*/}
    [ "$name" = v3 ] && name=etcd
    CGO_ENABLED=0 go build -trimpath -ldflags "$flags" -o "$WORK/bin/$name" "$tool"
  done
  echo "built from k8s.io/kubernetes $version: $*"
}

free_port() {
  local port
  while port=$((20000 + RANDOM % 12000)); do
    (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null || { echo "$port" && return; }
  done
}

until_true() {
  local ends=$((SECONDS + $1))
  shift
  until "$@" > /dev/null 2>&1; do
    [ $SECONDS -lt $ends ] || { echo "not within the time: $*" >&2 && return 1; }
    sleep 0.3
  done
}

kubeconfig() { # TOKEN FILE
  cat > "$2" << YAML
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://127.0.0.1:$API_PORT", insecure-skip-tls-verify: true}}]
users: [{name: u, user: {token: $1}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
current-context: c
YAML
}

start_api_server() {
  local client peer
  client=$(free_port) peer=$(free_port) API_PORT=$(free_port)
  printf 'admin-token,admin,1,system:masters\n' > "$WORK/tokens.csv"
  for user in scheduler controller someone; do
    printf '%s-token,%s,%s\n' "$user" "$user" "$user" >> "$WORK/tokens.csv"
    kubeconfig "$user-token" "$WORK/$user.kubeconfig"
  done
  kubeconfig admin-token "$WORK/admin.kubeconfig"
  openssl genrsa -out "$WORK/sa.key" 2048 2> /dev/null
  openssl rsa -in "$WORK/sa.key" -pubout -out "$WORK/sa.pub" 2> /dev/null
  "$WORK/bin/etcd" --data-dir="$WORK/etcd" --unsafe-no-fsync --log-level=error \
    --listen-client-urls="http://127.0.0.1:$client" --advertise-client-urls="http://127.0.0.1:$client" \
    --listen-peer-urls="http://127.0.0.1:$peer" --initial-advertise-peer-urls="http://127.0.0.1:$peer" \
    --initial-cluster="default=http://127.0.0.1:$peer" > "$WORK/etcd.log" 2>&1 &
  PROCESSES+=($!)
  "$WORK/bin/kube-apiserver" --etcd-servers="http://127.0.0.1:$client" --secure-port="$API_PORT" \
    --bind-address=127.0.0.1 --cert-dir="$WORK/certs" --token-auth-file="$WORK/tokens.csv" \
    --service-account-key-file="$WORK/sa.pub" --service-account-signing-key-file="$WORK/sa.key" \
    --service-account-issuer=https://kubernetes.default.svc --service-cluster-ip-range=10.96.0.0/16 \
    --authorization-mode=Node,RBAC --endpoint-reconciler-type=none --allow-privileged=true \
    "$@" > "$WORK/api-server.log" 2>&1 &
  PROCESSES+=($!)
  export KUBECONFIG=$WORK/admin.kubeconfig
  until_true 60 k get --raw /readyz || { tail -5 "$WORK/api-server.log"; return 1; }
  until_true 20 k get namespace default
  k create clusterrolebinding findings --clusterrole=cluster-admin --user=scheduler --user=controller > /dev/null
}

start_controllers() {
  "$WORK/bin/kube-controller-manager" --kubeconfig="$WORK/controller.kubeconfig" --leader-elect=false \
    --secure-port=0 --service-account-private-key-file="$WORK/sa.key" \
    --root-ca-file="$WORK/certs/apiserver.crt" "$@" > "$WORK/controllers.log" 2>&1 &
  PROCESSES+=($!)
  until_true 30 k -n default get serviceaccount default
}

start_scheduler() {
  "$WORK/bin/kube-scheduler" --kubeconfig="$WORK/scheduler.kubeconfig" --leader-elect=false \
    --secure-port=0 "$@" > "$WORK/scheduler.log" 2>&1 &
  PROCESSES+=($!)
}

k() { "$WORK/bin/kubectl" "$@"; }
k_as() {
  local user=$1
  shift
  "$WORK/bin/kubectl" --kubeconfig="$WORK/$user.kubeconfig" "$@"
}

node() { # NAME [strategic merge patch of the node]
  local resources='{"cpu":"4","memory":"8Gi","pods":"110"}'
  k create -f - > /dev/null << YAML
{apiVersion: v1, kind: Node, metadata: {name: $1, labels: {kubernetes.io/hostname: $1, kubernetes.io/os: linux}}}
YAML
  k patch node "$1" --subresource=status -p "{\"status\":{\"capacity\":$resources,\"allocatable\":$resources,
    \"conditions\":[{\"type\":\"Ready\",\"status\":\"True\",\"reason\":\"Finding\",
    \"lastHeartbeatTime\":\"$(date -u +%FT%TZ)\"}]}}" > /dev/null
  [ $# -lt 2 ] || k patch node "$1" -p "$2" > /dev/null
  # The admission plugin TaintNodesByCondition puts it on every new node; only a node controller takes it away.
  k taint node "$1" node.kubernetes.io/not-ready- > /dev/null 2>&1 || true
}

expect() {
  printf '%s: %s\n' "$1" "$2"
  [ "$2" = "$3" ] || { printf 'CHANGED. It used to be: %s\n' "$3" && exit 1; }
}
