{{/* vedette.yaml: what the chart works out, and .Values.config over it. */}}
{{- define "vedette.config" -}}
{{- $out := include "vedette.computedConfig" . | fromYaml -}}
{{- include "vedette.over" (dict "base" $out "over" .Values.config) -}}
{{- toYaml $out -}}
{{- end -}}

{{/* Puts the keys of over into base, at every depth, whatever their values: mergeOverwrite leaves a false, a 0 and an empty list to the library below it. */}}
{{- define "vedette.over" -}}
{{- $base := .base -}}
{{- range $key, $value := .over -}}
{{- if and (kindIs "map" $value) (kindIs "map" (get $base $key)) -}}
{{- include "vedette.over" (dict "base" (get $base $key) "over" $value) -}}
{{- else -}}
{{- $_ := set $base $key $value -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "vedette.computedConfig" -}}
account: {{ .Values.account | quote }}
region: {{ .Values.region }}
cluster: {{ .Values.clusterName | quote }}
server:
  listen: ":8700"
  metricsListen: ":8701"
  {{- if .Values.sealingKey.existingSecret }}
  sealingKeyFile: /etc/vedette/sealing-key/seal.key
  {{- end }}
  tls:
    {{- if eq .Values.tls.mode "auto" }}
    auto: true
    names: {{ include "vedette.tlsNames" . }}
    {{- else }}
    certFile: /etc/vedette/tls/tls.crt
    keyFile: /etc/vedette/tls/tls.key
    {{- if include "vedette.authority" . }}
    caFile: /etc/vedette/tls/ca.crt
    {{- end }}
    {{- end }}
store:
  dataDir: /var/lib/vedette
  {{- if eq .Values.mode "distributed" }}
  postgres:
    url: {{ .Values.distributed.postgres.url | quote }}
    {{- if .Values.distributed.postgres.existingSecret }}
    passwordFile: /etc/vedette/postgres/password
    {{- end }}
  {{- end }}
{{- if eq .Values.mode "distributed" }}
journal:
  shards: {{ .Values.distributed.shards | int }}
  nats:
    url: {{ .Values.distributed.nats.url | quote }}
    name: {{ .Values.distributed.nats.name | quote }}
    replicas: {{ .Values.distributed.nats.replicas | int }}
    {{- $files := dict "nats.creds" "credentialsFile" "ca.crt" "caFile" "tls.crt" "certFile" "tls.key" "keyFile" "token" "tokenFile" }}
    {{- range .Values.distributed.nats.secretKeys }}
    {{ get $files . }}: /etc/vedette/nats/{{ . }}
    {{- end }}
{{- end }}
kubernetes:
  clusters:
  - name: {{ .Values.clusterName | quote }}
    pushers: {{ include "vedette.pushers" . }}
    {{- with include "vedette.authority" . }}
    authorityConfigMap: {{ include "vedette.agentNamespace" $ }}/{{ . }}
    {{- end }}
    {{- if eq .Values.sensor.mode "managed" }}
    sensor:
      managed: true
      namespace: {{ include "vedette.sensorNamespace" . }}
      name: {{ include "vedette.sensorName" . }}
      image: {{ include "vedette.image" . }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      {{- with .Values.imagePullSecrets }}
      imagePullSecrets:
      {{- range . }}
      - {{ .name }}
      {{- end }}
      {{- end }}
      server: {{ include "vedette.pushURL" . }}
      {{- with .Values.sensor.extraArgs }}
      args: {{ toJson . }}
      {{- end }}
      {{- with .Values.sensor.nodeSelector }}
      nodeSelector: {{ toJson . }}
      {{- end }}
      {{- with .Values.sensor.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      {{- with .Values.sensor.resources }}
      resources: {{ toJson . }}
      {{- end }}
    {{- end }}
  {{- with .Values.clusters }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
log:
  format: json
{{- end -}}

{{/* The service accounts of this release whose tokens may push, in JSON. */}}
{{- define "vedette.pushers" -}}
{{- $out := list -}}
{{- if eq .Values.sensor.mode "daemonset" -}}
{{- $out = append $out (printf "%s/%s" (include "vedette.agentNamespace" .) (include "vedette.sensorName" .)) -}}
{{- end -}}
{{- if .Values.auditLog.enabled -}}
{{- $out = append $out (printf "%s/%s-audit-log" (include "vedette.agentNamespace" .) (include "vedette.fullname" .)) -}}
{{- end -}}
{{- if .Values.tests.enabled -}}
{{- $out = append $out (printf "%s/%s-test" (include "vedette.agentNamespace" .) (include "vedette.fullname" .)) -}}
{{- end -}}
{{- toJson $out -}}
{{- end -}}
