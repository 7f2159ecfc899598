package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"regexp"
)

var (
	accountForm = regexp.MustCompile(`^[0-9]{12}$`)
	regionForm  = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]{1,2}$`)
	clusterForm = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._-]{0,99}$`)
)

// ValidCluster reports whether a name can be a cluster's. EKS's rule, with dots.
func ValidCluster(name string) bool { return clusterForm.MatchString(name) }

// Validate reports every fault at once, each with its key and what to do.
func (c *Config) Validate() error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: %s", key, fmt.Sprintf(format, args...)))
	}
	if !accountForm.MatchString(c.Account) {
		bad("account", "%q is not an AWS account id; write 12 digits in quotes", c.Account)
	}
	if !regionForm.MatchString(c.Region) {
		bad("region", "%q is not the name of an AWS Region, such as eu-central-1", c.Region)
	}
	if !ValidCluster(c.Cluster) {
		bad("cluster", "%q is not a cluster name: letters, digits, dots, dashes and underscores, 100 at most", c.Cluster)
	}
	c.Detection.validate(bad)
	c.Intelligence.validate(bad)
	for _, l := range []struct{ key, addr string }{{"server.listen", c.Server.Listen}, {"server.metricsListen", c.Server.MetricsListen}} {
		if l.addr == "" && l.key == "server.metricsListen" {
			continue
		}
		if _, _, err := net.SplitHostPort(l.addr); err != nil {
			bad(l.key, "%q is not host:port", l.addr)
		}
	}
	c.Server.validateTLS(bad)
	if c.Ingest.RequireToken != "auto" && c.Ingest.RequireToken != "always" {
		bad("ingest.requireToken", "%q is not known; use auto or always", c.Ingest.RequireToken)
	}
	if c.Ingest.MaxBodyBytes < 1<<20 {
		bad("ingest.maxBodyBytes", "%d is below 1 MiB (1048576), less than one batch of an API server", c.Ingest.MaxBodyBytes)
	}
	for i, f := range c.Ingest.Follow {
		key := fmt.Sprintf("ingest.follow[%d]", i)
		if !filepath.IsAbs(f.Path) {
			bad(key+".path", "%q is not an absolute path", f.Path)
		}
		if f.Cluster != "" && !ValidCluster(f.Cluster) {
			bad(key+".cluster", "%q is not a cluster name", f.Cluster)
		}
		validateSource(bad, key, f.Source, f.Format)
	}
	c.validateAWS(bad)
	if c.Store.DataDir == "" {
		bad("store.dataDir", "is empty; name the folder that keeps the findings")
	}
	if c.Store.RetentionDays < 1 {
		bad("store.retentionDays", "%d is below 1", c.Store.RetentionDays)
	}
	c.API.validate(bad)
	c.Access.validate(bad)
	c.Usage.validate(bad)
	c.validateJournal(bad)
	c.validateShared(bad)
	c.Publish.validate(bad)
	c.Kubernetes.validate(bad)
	c.Traces.validate(bad)
	if c.Server.Profiling && c.Server.MetricsListen == "" {
		bad("server.profiling", "profiles are served on server.metricsListen, which is empty; set that to 127.0.0.1:8701")
	}
	switch c.Log.Level {
	case "debug", "info", "warn", "error":
	default:
		bad("log.level", "%q is not known; use debug, info, warn or error", c.Log.Level)
	}
	if c.Log.Format != "text" && c.Log.Format != "json" {
		bad("log.format", "%q is not known; use text or json", c.Log.Format)
	}
	return errors.Join(errs...)
}

// IsLoopback reports whether a listen address can be reached from this machine only.
func IsLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
