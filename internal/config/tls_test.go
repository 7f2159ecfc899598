package config

import (
	"strings"
	"testing"
)

func TestTLSFaults(t *testing.T) {
	for in, want := range map[string]string{
		`server: {tls: {auto: true, certFile: a, keyFile: b}}`:                    "server.tls.auto: the server makes its certificate by itself",
		`server: {tls: {auto: true, caFile: a}}`:                                  "server.tls.auto: the server makes its certificate by itself",
		`server: {tls: {certFile: a, keyFile: b, names: [x]}}`:                    "server.tls.names: they are for a certificate that the server makes",
		`server: {tls: {auto: true, names: ["https://x"]}}`:                       `server.tls.names[0]: "https://x" is not a host name`,
		`server: {tls: {auto: true, names: [ok, "x:8700"]}}`:                      `server.tls.names[1]: "x:8700" is not a host name`,
		`server: {tls: {auto: true, names: ["fe80::1%eth0"]}}`:                    `server.tls.names[0]`,
		`server: {tls: {auto: true, names: ["a.*.b"]}}`:                           `server.tls.names[0]`,
		`server: {tls: {auto: true, names: [""]}}`:                                `server.tls.names[0]`,
		`server: {tls: {caFile: a}}`:                                              "server.tls.caFile: it is the authority of certFile",
		`server: {tls: {auto: yes please}}`:                                       "server.tls.auto",
		`server: {tls: {auto: true, names: [` + strings.Repeat("x,", 101) + `]}}`: "server.tls.names: 101 are more",
	} {
		if _, err := Parse([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", in, err, want)
		}
	}
	for _, in := range []string{
		`server: {listen: "0.0.0.0:8700", tls: {auto: true}}`,
		`server: {tls: {auto: true, names: [vedette, vedette.vedette.svc, "*.example.com", 192.0.2.7, "2001:db8::1"], clientCAFile: a}}`,
		`server: {listen: ":8700", tls: {certFile: a, keyFile: b, caFile: c, clientCAFile: d}}`,
	} {
		if _, err := Parse([]byte(in)); err != nil {
			t.Errorf("%s: %v", in, err)
		}
	}
}
