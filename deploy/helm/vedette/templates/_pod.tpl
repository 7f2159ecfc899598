{{/* The pod of a server process: dict root, component, role, resources, volume (the data directory's, as YAML). */}}
{{- define "vedette.serverPod" -}}
{{- $server := .root.Values.server -}}
metadata:
  labels:
    {{- include "vedette.podLabels" . | nindent 4 }}
    vedette.io/server: "true"
    {{- with $server.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    checksum/config: {{ include "vedette.config" .root | sha256sum }}
    {{- with $server.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "vedette.serviceAccount" .root }}
  automountServiceAccountToken: true
  enableServiceLinks: false
  {{- with .root.Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $server.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  terminationGracePeriodSeconds: {{ $server.terminationGracePeriodSeconds | int }}
  {{- with $server.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $server.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $server.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if $server.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- toYaml $server.topologySpreadConstraints | nindent 4 }}
  {{- else if ne .component "server" }}
  topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "vedette.selector" . | nindent 8 }}
  {{- end }}
  {{- with $server.podSecurityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
  - name: vedette
    image: {{ include "vedette.image" .root }}
    imagePullPolicy: {{ .root.Values.image.pullPolicy }}
    args:
    - serve
    - --config=/etc/vedette/vedette.yaml
    - --role={{ .role }}
    {{- range $server.extraArgs }}
    - {{ . | quote }}
    {{- end }}
    env:
    - name: VEDETTE_CONFIG # for the commands that are run in the pod
      value: /etc/vedette/vedette.yaml
    {{- with .root.Values.aws.existingSecret }}
    - name: AWS_ACCESS_KEY_ID
      valueFrom: {secretKeyRef: {name: {{ . }}, key: AWS_ACCESS_KEY_ID}}
    - name: AWS_SECRET_ACCESS_KEY
      valueFrom: {secretKeyRef: {name: {{ . }}, key: AWS_SECRET_ACCESS_KEY}}
    {{- end }}
    {{- with $server.extraEnv }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    {{- with $server.extraEnvFrom }}
    envFrom:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    ports:
    {{- if ne .component "detect" }}
    - {name: https, containerPort: 8700, protocol: TCP}
    {{- end }}
    - {name: metrics, containerPort: 8701, protocol: TCP}
    startupProbe:
      httpGet: {path: /readyz, port: metrics}
      {{- toYaml $server.startupProbe | nindent 6 }}
    livenessProbe:
      httpGet: {path: /livez, port: metrics}
      {{- toYaml $server.livenessProbe | nindent 6 }}
    readinessProbe:
      httpGet: {path: /readyz, port: metrics}
      {{- toYaml $server.readinessProbe | nindent 6 }}
    terminationMessagePolicy: FallbackToLogsOnError # why it ended is in the pod's status
    {{- with .resources }}
    resources:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with $server.securityContext }}
    securityContext:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    volumeMounts:
    {{- include "vedette.mounts" .root | nindent 4 }}
  {{- with $server.extraContainers }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  volumes:
  - name: data
    {{- .volume | nindent 4 }}
  {{- include "vedette.volumes" .root | nindent 2 }}
{{- end -}}

{{- define "vedette.mounts" -}}
- {name: config, mountPath: /etc/vedette/vedette.yaml, subPath: vedette.yaml, readOnly: true}
- {name: data, mountPath: /var/lib/vedette}
- {name: tmp, mountPath: /tmp}
{{- if include "vedette.tlsSecret" . }}
- {name: tls, mountPath: /etc/vedette/tls, readOnly: true}
{{- end }}
{{- if .Values.sealingKey.existingSecret }}
- {name: sealing-key, mountPath: /etc/vedette/sealing-key, readOnly: true}
{{- end }}
{{- if eq .Values.mode "distributed" }}
{{- if .Values.distributed.postgres.existingSecret }}
- {name: postgres, mountPath: /etc/vedette/postgres, readOnly: true}
{{- end }}
{{- if .Values.distributed.postgres.caSecret }}
- {name: postgres-ca, mountPath: /etc/vedette/postgres-ca, readOnly: true}
{{- end }}
{{- if .Values.distributed.nats.existingSecret }}
- {name: nats, mountPath: /etc/vedette/nats, readOnly: true}
{{- end }}
{{- end }}
{{- range .Values.server.extraSecretMounts }}
- {name: secret-{{ .name }}, mountPath: {{ .mountPath }}, readOnly: true}
{{- end }}
{{- with .Values.server.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "vedette.volumes" -}}
- name: config
  configMap: {name: {{ include "vedette.fullname" . }}-config}
- name: tmp
  emptyDir: {}
{{- with include "vedette.tlsSecret" . }}
- name: tls
  secret:
    secretName: {{ . }}
    defaultMode: 0440
    items:
    - {key: tls.crt, path: tls.crt}
    - {key: tls.key, path: tls.key}
    {{- if include "vedette.authority" $ }}
    - {key: {{ if eq $.Values.tls.mode "existingSecret" }}{{ $.Values.tls.existingSecret.caKey }}{{ else }}ca.crt{{ end }}, path: ca.crt}
    {{- end }}
{{- end }}
{{- with .Values.sealingKey.existingSecret }}
- name: sealing-key
  secret:
    secretName: {{ . }}
    defaultMode: 0440
    items:
    - {key: {{ $.Values.sealingKey.key }}, path: seal.key}
{{- end }}
{{- if eq .Values.mode "distributed" }}
{{- with .Values.distributed.postgres.existingSecret }}
- name: postgres
  secret:
    secretName: {{ . }}
    defaultMode: 0440
    items:
    - {key: {{ $.Values.distributed.postgres.passwordKey }}, path: password}
{{- end }}
{{- with .Values.distributed.postgres.caSecret }}
- name: postgres-ca
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end }}
{{- with .Values.distributed.nats.existingSecret }}
- name: nats
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end }}
{{- end }}
{{- range .Values.server.extraSecretMounts }}
- name: secret-{{ .name }}
  secret:
    secretName: {{ .secretName }}
    defaultMode: 0440
    {{- with .items }}
    items:
      {{- toYaml . | nindent 6 }}
    {{- end }}
{{- end }}
{{- with .Values.server.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}
