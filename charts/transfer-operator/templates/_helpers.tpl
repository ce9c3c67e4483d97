{{/*
Everything has one fixed name: two operators in a cluster would work against each other, so a second release has to
fail, which Helm does when objects of its names belong to another release.
*/}}
{{- define "transfer-operator.name" -}}
transfer-operator
{{- end }}

{{- define "transfer-operator.selectorLabels" -}}
app.kubernetes.io/name: transfer-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/*
What all pods and objects have in common, whatever their shard: never in a selector, which cannot be changed.
*/}}
{{- define "transfer-operator.commonLabels" -}}
app.kubernetes.io/part-of: transfer-operator
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{- define "transfer-operator.labels" -}}
{{ include "transfer-operator.selectorLabels" . }}
{{ include "transfer-operator.commonLabels" . }}
{{- end }}

{{/*
How many shards: one where values of a release from before shards, which `--reuse-values` brings along, say nothing.
*/}}
{{- define "transfer-operator.shards" -}}
{{ max 1 (int .Values.shards) }}
{{- end }}

{{/*
A shard's name, for its Deployment, its Lease and its pods. The first has the plain one, so that an installation keeps its
Deployment and its Lease when it is divided, and no selector of another finds its pods.
*/}}
{{- define "transfer-operator.shardName" -}}
transfer-operator{{ if .shard }}-{{ .shard }}{{ end }}
{{- end }}

{{- define "transfer-operator.shardSelectorLabels" -}}
app.kubernetes.io/name: {{ include "transfer-operator.shardName" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Of the pods of all shards, for a Service, monitors and policies. */}}
{{- define "transfer-operator.podSelectorLabels" -}}
app.kubernetes.io/part-of: transfer-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/*
What an installation has in no namespace: with the plain name where it is for the whole cluster, so that there is one
such; with its namespace behind where it is for some namespaces only, so that there can be several.
*/}}
{{- define "transfer-operator.clusterName" -}}
transfer-operator{{ if .Values.watchNamespaces }}-{{ .Release.Namespace }}{{ end }}
{{- end }}

{{- define "transfer-operator.shardLabels" -}}
{{ include "transfer-operator.shardSelectorLabels" . }}
{{ include "transfer-operator.commonLabels" . }}
{{- end }}

{{- define "transfer-operator.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/*
The plurals of our kinds, one for each generated CRD, so that no rule names them by hand: with `suffix` those of a
subresource, with `managed` without AwsIdentity, which stands for nothing in AWS.
*/}}
{{- define "transfer-operator.resources" -}}
{{- $resources := list }}
{{- range $path, $_ := .root.Files.Glob "files/crds/*.yaml" }}
{{- $plural := base $path | trimSuffix ".transfer-operator.dev.yaml" }}
{{- if not (and $.managed (eq $plural "awsidentities")) }}
{{- $resources = append $resources (printf "%s%s" $plural ($.suffix | default "")) }}
{{- end }}
{{- end }}
{{- join ", " $resources }}
{{- end }}

{{/*
What the operator may do where it watches: with `managed` without AwsIdentity, which is in no namespace.
*/}}
{{- define "transfer-operator.watchRules" -}}
# Patch is for the finalizer; specs are never written.
- apiGroups: [transfer-operator.dev]
  resources: [{{ include "transfer-operator.resources" . }}]
  verbs: [get, list, watch, patch]
# Server-side apply.
- apiGroups: [transfer-operator.dev]
  resources: [{{ include "transfer-operator.resources" (merge (dict "suffix" "/status") .) }}]
  verbs: [patch]
# SSH public keys and policies. Only metadata is watched, contents are read by name.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end }}

{{/* The kinds of the Prometheus operator and their values, as YAML; what a release of before them says nothing of is off. */}}
{{- define "transfer-operator.monitors" -}}
{{- $metrics := .Values.metrics | default dict }}
{{- dict "ServiceMonitor" (dig "serviceMonitor" dict $metrics) "PodMonitor" (dig "podMonitor" dict $metrics) "PrometheusRule" (dig "prometheusRule" dict $metrics) | toYaml }}
{{- end }}

{{/*
How /metrics is served, as YAML: `tls` and `auth` with all their values, and what follows from them. A release of before
says nothing of it, and then it is in plain text.
*/}}
{{- define "transfer-operator.scrapes" -}}
{{- $name := printf "%s-metrics" (include "transfer-operator.name" .) }}
{{- $metrics := .Values.metrics | default dict }}
{{- $tls := merge (deepCopy (dig "tls" dict $metrics)) (dict "enabled" false "issuerRef" dict "config" dict) }}
{{- $auth := merge (deepCopy (dig "auth" dict $metrics)) (dict "enabled" false "tokenSecret" dict) }}
{{- if and $auth.enabled (not $tls.enabled) }}
{{- fail "metrics.auth.enabled needs metrics.tls.enabled: tokens are not taken in plain text" }}
{{- end }}
{{- $secret := $tls.secretName | default (printf "%s-tls" $name) }}
{{- $host := printf "%s.%s.svc" $name .Release.Namespace }}
{{- dict "tls" $tls "auth" $auth "secretName" $secret "host" $host "folder" "/etc/transfer-operator/metrics-tls" | toYaml }}
{{- end }}

{{/* The arguments of the operator as a YAML list. */}}
{{- define "transfer-operator.args" -}}
{{- $operator := .Values.operator -}}
{{- $scrapes := include "transfer-operator.scrapes" . | fromYaml -}}
- run
{{- range $flag, $value := dict
      "resync-interval" $operator.resyncInterval
      "signature-tolerance" $operator.signatureTolerance
      "listing-lag" $operator.listingLag
      "cluster-id" $operator.clusterId
      "watch-namespace" (.Values.watchNamespaces | default list | join ",")
      "watch-labels" .Values.watchLabels
      "log-format" $operator.logFormat
      "log-level" $operator.logLevel
      "rejection-grace" $operator.rejectionGrace
      "expiry-warning" $operator.expiryWarning
      "aws-read-rate" $operator.rates.read
      "aws-write-rate" $operator.rates.write
      "aws-create-server-rate" $operator.rates.createServer
      "health-addr" $operator.healthAddr
      "metrics-tls-dir" (ternary $scrapes.folder "" $scrapes.tls.enabled)
      "metrics-addr" (ternary (regexReplaceAll ":8080$" ($operator.healthAddr | default "") ":8443") "" $scrapes.tls.enabled)
      "metrics-auth" (ternary "true" "" $scrapes.auth.enabled)
      "read-namespaces" (ternary "" "false" (dig "readNamespaces" true .Values.rbac))
      "write-identities" (ternary "" "false" (dig "writeIdentities" true .Values.rbac))
      "hold-deletions-percent" (dig "percent" "" (.Values.holdDeletions | default dict) | toString)
}}
{{- if $value }}
- {{ printf "--%s=%v" $flag $value | quote }}
{{- end }}
{{- end }}
{{- $shards := int (include "transfer-operator.shards" .) }}
{{- if gt $shards 1 }}
- {{ printf "--shard=%d/%d" (int .shard) $shards | quote }}
{{- end }}
{{- range .Values.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end }}
