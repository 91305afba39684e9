{{/* One agent per cluster, and its rights name its objects: names are fixed. */}}
{{- define "spillway.labels" -}}
{{ include "spillway.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "spillway.selector" -}}
app.kubernetes.io/name: spillway
app.kubernetes.io/component: agent
{{- end }}

{{- define "spillway.image" -}}
{{- $tag := .Values.image.tag | default .Chart.AppVersion -}}
{{ .Values.image.repository }}:{{ $tag }}{{ with .Values.image.digest }}@{{ . }}{{ end }}
{{- end }}

{{/* What the chart knows, under what `config` says. */}}
{{- define "spillway.config" -}}
{{- $listen := ternary "/ip6/::/tcp/7420" "/ip4/0.0.0.0/tcp/7420" (eq .Values.mesh.addressFamily "ip6") -}}
{{- $own := dict
  "cluster" (required "cluster: the name of this cluster in its federation is required, as in its certificate" .Values.cluster)
  "http" (dict "host" "" "port" 7421)
  "mesh" (dict "listen" (list $listen) "bootstrap" .Values.mesh.bootstrap) -}}
{{- if eq .Values.exposure.type "none" -}}
{{- $_ := set $own.mesh "reachable" false -}}
{{- end -}}
{{- if .Values.kubelet.tlsSecretName -}}
{{- $tls := dict "certificate" "/etc/spillway/kubelet/tls.crt" "key" "/etc/spillway/kubelet/tls.key" -}}
{{- $_ := set $own "kubelet" (dict "tls" $tls) -}}
{{- end -}}
{{ toYaml (mergeOverwrite $own (deepCopy .Values.config)) }}
{{- end }}

{{/* JSON list; an argument and not in the ConfigMap, since Kubernetes puts $(HOST_IP) into arguments only. */}}
{{- define "spillway.announce" -}}
{{- if .Values.mesh.announce -}}
{{ toJson .Values.mesh.announce }}
{{- else if eq .Values.exposure.type "nodePort" -}}
{{ toJson (list (printf "/%s/$(HOST_IP)/tcp/%d" .Values.mesh.addressFamily (int .Values.exposure.nodePort))) }}
{{- else if eq .Values.exposure.type "hostPort" -}}
{{ toJson (list (printf "/%s/$(HOST_IP)/tcp/%d" .Values.mesh.addressFamily (int .Values.exposure.hostPort))) }}
{{- end -}}
{{- end }}

{{- define "spillway.identityGiven" -}}
{{- with .Values.identity -}}
{{- if or .peerKey .membershipCertificate .federationKey -}}
{{- if not (and .peerKey .membershipCertificate .federationKey) -}}
{{- fail "identity: peerKey, membershipCertificate and federationKey are given together or not at all" -}}
{{- end -}}
true
{{- end -}}
{{- end -}}
{{- end }}

{{/* The strictest level of Pod Security that admits the pods. */}}
{{- define "spillway.podSecurityLevel" -}}
{{ ternary "privileged" "restricted" (eq .Values.exposure.type "hostPort") }}
{{- end }}
