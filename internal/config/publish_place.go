package config

import (
	"net"
	"regexp"
	"slices"
	"strings"
)

var kafkaTopic = regexp.MustCompile(`^[A-Za-z0-9._-]{1,249}$`)

// checkKafka checks what a target of Kafka has of its own.
func (t *Target) checkKafka(bad func(name, format string, args ...any)) {
	if t.Type != "kafka" {
		return
	}
	for _, b := range t.Brokers {
		if host, port, err := net.SplitHostPort(b); err != nil || host == "" || port == "" || strings.ContainsAny(b, "/@ ") {
			bad("brokers", "%q is not host:port", cleared(b))
		}
	}
	if t.Topic != "" && (!kafkaTopic.MatchString(t.Topic) || t.Topic == "." || t.Topic == "..") {
		bad("topic", "%q is not a topic of Kafka: letters, digits, dots, dashes and underscores, 249 at most", t.Topic)
	}
	if t.Protocol == "udp" {
		bad("protocol", "Kafka has no udp; use tcp or tls")
	}
	if t.Mechanism != "" && !slices.Contains([]string{"plain", "scram-sha-256", "scram-sha-512"}, t.Mechanism) {
		bad("mechanism", "%q is not known; use plain, scram-sha-256 or scram-sha-512", t.Mechanism)
	}
	if (t.User == "") != (t.Token == "" && t.TokenFile == "") {
		bad("user", "user and tokenFile (its password) belong together; set both or none")
	}
	if t.Mechanism != "" && t.User == "" {
		bad("mechanism", "it needs a user and a password; set user and tokenFile")
	}
	if t.Mechanism == "plain" && t.Protocol != "tls" {
		bad("mechanism", "plain sends the password as it is; set protocol: tls, or use scram-sha-512")
	}
	if t.Protocol != "tls" && (t.CAFile != "" || t.CertFile != "") {
		bad("protocol", "certificates are for protocol: tls")
	}
}

// cleared is what may be repeated of an address that is none: not what stands
// before an @, which may be a password.
func cleared(address string) string {
	if i := strings.LastIndexByte(address, '@'); i >= 0 {
		return "…" + address[i:]
	}
	return address
}

// checkKubernetes checks what a target of Kubernetes has of its own.
func (t *Target) checkKubernetes(bad func(name, format string, args ...any)) {
	if t.Type != "kubernetes-events" && t.Type != "policyreport" {
		return
	}
	if t.API != "" && !slices.Contains([]string{"wgpolicyk8s.io/v1alpha2", "openreports.io/v1alpha1"}, t.API) {
		bad("api", "%q is not known; use wgpolicyk8s.io/v1alpha2 or openreports.io/v1alpha1", t.API)
	}
	if strings.HasPrefix(t.URL, "http:") {
		bad("url", "an API server is reached by https: the token is a secret")
	}
	if t.URL != "" && t.Token == "" && t.TokenFile == "" {
		bad("tokenFile", "an API server that is named by url needs a tokenFile; leave url out for the cluster that Vedette runs in")
	}
}

// checkStore checks the formats of a bucket.
func (t *Target) checkStore(bad func(name, format string, args ...any)) {
	switch {
	case t.Type == "s3" && t.Format != "" && t.Format != "ocsf-parquet":
		bad("format", "a bucket takes ocsf-parquet; without format it gets findings as GuardDuty exports them")
	case t.Type != "s3" && t.Format == "ocsf-parquet":
		bad("format", "ocsf-parquet is for targets of type s3; use ocsf")
	}
}
