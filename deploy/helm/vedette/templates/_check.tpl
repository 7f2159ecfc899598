{{/* What the schema cannot say: which values need each other. Each message names the value. */}}
{{- define "vedette.check" -}}
{{- $v := .Values -}}
{{- if eq $v.mode "distributed" -}}
{{- if not $v.distributed.nats.url }}{{ fail "distributed.nats.url: is missing; mode distributed needs a NATS cluster, such as nats://nats:4222" }}{{ end -}}
{{- if not $v.distributed.postgres.url }}{{ fail "distributed.postgres.url: is missing; mode distributed needs a database, such as postgres://vedette@db:5432/vedette?sslmode=verify-full" }}{{ end -}}
{{- if not $v.sealingKey.existingSecret }}{{ fail "sealingKey.existingSecret: is missing; processes that share a database share this key: kubectl create secret generic vedette-seal --from-literal=seal.key=$(openssl rand -hex 32)" }}{{ end -}}
{{- if and $v.distributed.nats.secretKeys (not $v.distributed.nats.existingSecret) }}{{ fail "distributed.nats.existingSecret: is missing; secretKeys are keys of it" }}{{ end -}}
{{- end -}}
{{- if eq $v.mode "agents" -}}
{{- if not $v.remote.url }}{{ fail "remote.url: is missing; mode agents has no server of its own, name one, such as https://vedette.example.com:8700" }}{{ end -}}
{{- if eq $v.sensor.mode "managed" }}{{ fail "sensor.mode: managed needs the server that manages it; its release has `clusters` for this cluster, `vedette kube access` prints what it needs here" }}{{ end -}}
{{- if $v.ingress.enabled }}{{ fail "ingress.enabled: there is no server in mode agents" }}{{ end -}}
{{- end -}}
{{- if and (eq $v.tls.mode "existingSecret") (not $v.tls.existingSecret.name) }}{{ fail "tls.existingSecret.name: is missing; name the secret with tls.crt and tls.key" }}{{ end -}}
{{- if and (eq $v.tls.mode "certManager") (not $v.tls.certManager.issuerRef.name) }}{{ fail "tls.certManager.issuerRef.name: is missing; name the issuer of the certificate" }}{{ end -}}
{{- if and $v.ingress.enabled (not $v.ingress.hosts) }}{{ fail "ingress.hosts: is empty; name the host under which people come" }}{{ end -}}
{{- if and (not $v.rbac.create) (eq $v.sensor.mode "managed") }}{{ fail "rbac.create: sensor.mode managed needs the roles; docs/managed-sensor.md lists them if you make them yourself" }}{{ end -}}
{{- end -}}
