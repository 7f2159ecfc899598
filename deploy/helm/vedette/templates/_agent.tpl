{{/* How a pod that pushes proves who it is, and knows the server: a token of its
service account for this cluster's audience, or of an access key, and the authority. */}}
{{- define "vedette.agentMounts" -}}
- {name: token, mountPath: /var/run/secrets/vedette, readOnly: true}
{{- if include "vedette.authority" . }}
- {name: authority, mountPath: /etc/vedette, readOnly: true}
{{- end }}
{{- end -}}

{{- define "vedette.agentVolumes" -}}
- name: token
{{- if and (eq .Values.mode "agents") .Values.remote.tokenSecret.name }}
  secret:
    secretName: {{ .Values.remote.tokenSecret.name }}
    items:
    - {key: {{ .Values.remote.tokenSecret.key }}, path: token}
{{- else }}
  projected:
    sources:
    - serviceAccountToken: {path: token, audience: vedette/{{ .Values.clusterName }}, expirationSeconds: 3600}
{{- end }}
{{- with include "vedette.authority" . }}
- name: authority # the pod waits until the server has written it
  configMap:
    name: {{ . }}
    items:
    - {key: ca.crt, path: ca.crt}
{{- end }}
{{- end -}}
