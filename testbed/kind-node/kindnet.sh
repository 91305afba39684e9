#!/bin/bash
# One round of a small stand-in for kindnetd, run in the node (chroot) by the DaemonSet of default-cni.yaml:
# a CNI configuration for this node's pods, routes to the others', masquerading towards everyone else.
# It asks the API server by its service address, so that the configuration, and with it the first pod,
# comes only when kube-proxy's rules are there: a CoreDNS started earlier loses a minute.
set -o pipefail
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

api="https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT/api/v1/nodes"
columns='.items[] | [.metadata.name, .spec.podCIDR,
  ([.status.addresses[] | select(.type == "InternalIP").address][0])] | @tsv'
nodes=$(curl -sf -m 3 --cacert <(echo "$CA") -H "Authorization: Bearer $TOKEN" "$api" | jq -r "$columns") || exit 1

# Each rule once, also when an earlier round ended half way.
iptables -w -t nat -N KIND-MASQ-AGENT 2>/dev/null
ensure() { iptables -w -t nat -C "$@" 2>/dev/null || iptables -w -t nat -A "$@"; }
ensure KIND-MASQ-AGENT -d "$POD_SUBNET" -j RETURN
ensure KIND-MASQ-AGENT -s "$POD_SUBNET" -j MASQUERADE
ensure POSTROUTING -m addrtype ! --dst-type LOCAL -j KIND-MASQ-AGENT

file=/etc/cni/net.d/10-kindnet.conflist
while IFS=$'\t' read -r name subnet address; do
  [ -n "$subnet" ] || continue
  if [ "$name" != "$NODE_NAME" ]; then
    ip route show "$subnet" | grep -q "via $address " || ip route replace "$subnet" via "$address"
  elif [ ! -f "$file" ]; then
    mkdir -p "${file%/*}"
    cat > "$file.partial" <<CONFIGURATION
{
  "cniVersion": "0.3.1",
  "name": "kindnet",
  "plugins": [
    {
      "type": "ptp",
      "ipMasq": false,
      "mtu": 1500,
      "ipam": {
        "type": "host-local",
        "dataDir": "/run/cni-ipam-state",
        "routes": [{ "dst": "0.0.0.0/0" }],
        "ranges": [[{ "subnet": "$subnet" }]]
      }
    },
    { "type": "portmap", "capabilities": { "portMappings": true } }
  ]
}
CONFIGURATION
    mv "$file.partial" "$file"
  fi
done <<< "$nodes"
