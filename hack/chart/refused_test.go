package main

import (
	"strings"
	"testing"
)

// What is misspelt, of a wrong type or lacks something else is refused, and the
// message names it.
func TestRefused(t *testing.T) {
	for _, test := range []struct{ set, says string }{
		{"sensr.mode=off", "sensr"},
		{"sensor.mod=off", "mod"},
		{"server.resorces.x=1", "resorces"},
		{"distributed.nats.ulr=x", "ulr"},
		{"mode=clustered", "mode"},
		{"sensor.mode=on", "sensor"},
		{"sensor.extraArgs={--cpu-limit=300}", "extraArgs"},
		{"tls.mode=none", "tls"},
		{"account=1234", "account"},
		{"region=europe", "region"},
		{"clusterName=a/b", "clusterName"},
		{"image.pullPolicy=never", "pullPolicy"},
		{"image.digest=sha256:abc", "digest"},
		{"persistence.size=ten", "size"},
		{"persistence.enabled=yes", "enabled"},
		{"service.port=0", "port"},
		{"distributed.shards=many", "shards"},
		{"distributed.nats.replicas=2", "replicas"},
		{"distributed.nats.secretKeys={password}", "secretKeys"},
		{"auditLog.path=audit.log", "auditLog"},
		{"server.extraArgs=--x", "extraArgs"},
		{"server.extraSecretMounts[0].name=a", "extraSecretMounts"},
		{"remote.url=http://vedette", "remote"},
		{"ingress.hosts={https://a.example.com}", "hosts"},
		{"mode=distributed", "distributed.nats.url"},
		{"mode=distributed,distributed.nats.url=nats://n:4222", "distributed.postgres.url"},
		{"mode=distributed,distributed.nats.url=nats://n:4222,distributed.postgres.url=postgres://d/v", "sealingKey.existingSecret"},
		{"mode=agents", "remote.url"},
		{"mode=agents,remote.url=https://v,sensor.mode=managed", "sensor.mode"},
		{"tls.mode=existingSecret", "tls.existingSecret.name"},
		{"tls.mode=certManager", "tls.certManager.issuerRef.name"},
		{"ingress.enabled=true", "ingress.hosts"},
		{"rbac.create=false,sensor.mode=managed", "rbac.create"},
	} {
		_, err := template(t.Context(), root(t), "--set", test.set)
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("--set %s: %v does not name %s", test.set, err, test.says)
		}
	}
}

// What a chart that contains this one hands to it is none of that.
func TestAsPartOfAnother(t *testing.T) {
	if _, err := template(t.Context(), root(t), "--set", "global.x=1,enabled=true"); err != nil {
		t.Error(err)
	}
}
