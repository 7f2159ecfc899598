package config

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
)

// Enabled reports whether the server speaks TLS.
func (t *TLS) Enabled() bool { return t.Auto || t.CertFile != "" }

// dnsName is a host name as certificates have it, with a star for the first part at most.
var dnsName = regexp.MustCompile(`^(\*\.)?[0-9A-Za-z]([-0-9A-Za-z]{0,61}[0-9A-Za-z])?(\.[0-9A-Za-z]([-0-9A-Za-z]{0,61}[0-9A-Za-z])?)*$`)

// Bounds of what is in a certificate.
const (
	maxNames      = 100
	maxNameLength = 253
)

// ValidServerName reports whether a certificate can be for a host name or address.
func ValidServerName(name string) bool {
	if ip, err := netip.ParseAddr(name); err == nil {
		return ip.Zone() == ""
	}
	return len(name) <= maxNameLength && dnsName.MatchString(name)
}

func (s *Server) validateTLS(bad func(key, format string, args ...any)) {
	t := &s.TLS
	if (t.CertFile == "") != (t.KeyFile == "") {
		bad("server.tls", "certFile and keyFile belong together; set both or none")
	}
	if t.Auto && (t.CertFile != "" || t.KeyFile != "" || t.CAFile != "") {
		bad("server.tls.auto", "the server makes its certificate by itself, so certFile, keyFile and caFile must not be set; take them or auto out")
	}
	if len(t.Names) > 0 && !t.Auto {
		bad("server.tls.names", "they are for a certificate that the server makes by itself; set auto to true, or take them out")
	}
	if len(t.Names) > maxNames {
		bad("server.tls.names", "%d are more than a certificate should have; name %d at most", len(t.Names), maxNames)
	}
	for i, name := range t.Names {
		if !ValidServerName(name) {
			bad(fmt.Sprintf("server.tls.names[%d]", i), "%q is not a host name or an address, such as vedette.internal or 192.0.2.1; without https:// and port", name)
		}
	}
	if t.CAFile != "" && t.CertFile == "" && !t.Auto {
		bad("server.tls.caFile", "it is the authority of certFile, which is not set")
	}
	if t.Enabled() {
		return
	}
	if t.ClientCAFile != "" {
		bad("server.tls.clientCAFile", "client certificates need a certificate of the server, too: set auto, or certFile and keyFile")
	}
	if _, _, err := net.SplitHostPort(s.Listen); err == nil && !IsLoopback(s.Listen) {
		bad("server.listen", "%s can be reached from other machines; set server.tls.certFile and keyFile, or server.tls.auto, or listen on 127.0.0.1", s.Listen)
	}
}
