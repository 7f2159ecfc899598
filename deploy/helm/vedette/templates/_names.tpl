{{/* What things are called. */}}

{{- define "vedette.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* 40 characters: with what is put behind it, the name of a StatefulSet must leave room for a hash in a label of its pods. */}}
{{- define "vedette.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "vedette.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "vedette.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Selectors never change, so they hold nothing that a new version or a value changes. */}}
{{- define "vedette.selector" -}}
app.kubernetes.io/name: {{ include "vedette.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* Labels of pods hold no version, so that a new chart with the same pods restarts none. */}}
{{- define "vedette.podLabels" -}}
{{ include "vedette.selector" . }}
app.kubernetes.io/part-of: vedette
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "vedette.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "vedette.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: vedette
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* metadata of an object: dict root, component, name, and where they are set namespace, annotations, labels. */}}
{{- define "vedette.metadata" -}}
name: {{ .name }}
{{- if ne (toString .namespace) "-" }}
namespace: {{ default .root.Release.Namespace .namespace }}
{{- end }}
labels:
  {{- include "vedette.labels" . | nindent 2 }}
  {{- with .labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with merge (dict) (default (dict) .annotations) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The name of what has no namespace: dict root, name. Two releases in two namespaces do not meet. */}}
{{- define "vedette.clusterWide" -}}
{{- .name }}{{ if ne .root.Release.Namespace (include "vedette.fullname" .root) }}-{{ .root.Release.Namespace }}{{ end -}}
{{- end -}}

{{- define "vedette.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{- define "vedette.hasServer" -}}
{{- if ne .Values.mode "agents" }}true{{ end -}}
{{- end -}}

{{- define "vedette.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "vedette.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "vedette.sensorName" -}}
{{- default (printf "%s-sensor" (include "vedette.fullname" .)) .Values.sensor.name -}}
{{- end -}}

{{- define "vedette.sensorNamespace" -}}
{{- default .Release.Namespace .Values.sensor.namespace -}}
{{- end -}}

{{/* Where the pods of this chart are that push records: beside the DaemonSet, if the chart makes it. */}}
{{- define "vedette.agentNamespace" -}}
{{- if eq .Values.sensor.mode "daemonset" -}}
{{- include "vedette.sensorNamespace" . -}}
{{- else -}}
{{- .Release.Namespace -}}
{{- end -}}
{{- end -}}

{{/* The Service that pushes go to. */}}
{{- define "vedette.ingestService" -}}
{{- include "vedette.fullname" . }}{{ if eq .Values.mode "distributed" }}-ingest{{ end -}}
{{- end -}}

{{/* Where agents push to. */}}
{{- define "vedette.pushURL" -}}
{{- if eq .Values.mode "agents" -}}
{{- .Values.remote.url -}}
{{- else -}}
https://{{ include "vedette.ingestService" . }}.{{ .Release.Namespace }}.svc:{{ .Values.service.port }}
{{- end -}}
{{- end -}}

{{/* The ConfigMap with the authority of the server's certificate; "" where it is a public one. */}}
{{- define "vedette.authority" -}}
{{- if eq .Values.mode "agents" -}}
{{- if .Values.remote.ca }}{{ include "vedette.fullname" . }}-authority{{ end -}}
{{- else if or (ne .Values.tls.mode "existingSecret") .Values.tls.existingSecret.caKey -}}
{{- include "vedette.fullname" . }}-authority
{{- end -}}
{{- end -}}

{{- define "vedette.tlsSecret" -}}
{{- if eq .Values.tls.mode "existingSecret" }}{{ .Values.tls.existingSecret.name }}{{ end -}}
{{- if eq .Values.tls.mode "certManager" }}{{ include "vedette.fullname" . }}-tls{{ end -}}
{{- end -}}

{{/* The host names in the server's certificate, as a list in JSON. */}}
{{- define "vedette.tlsNames" -}}
{{- $names := list -}}
{{- range uniq (list (include "vedette.fullname" .) (include "vedette.ingestService" .)) -}}
{{- $names = concat $names (list (printf "%s.%s.svc" . $.Release.Namespace) (printf "%s.%s.svc.%s" . $.Release.Namespace $.Values.clusterDomain) (printf "%s.%s" . $.Release.Namespace) .) -}}
{{- end -}}
{{- with .Values.service.clusterIP }}{{ if ne . "None" }}{{ $names = append $names . }}{{ end }}{{ end -}}
{{- concat $names .Values.ingress.hosts .Values.tls.names | uniq | toJson -}}
{{- end -}}
