package app

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/ingest"
)

// CheckFiles reads the files that a configuration names, as a start would, and
// reports all that is wrong with them, each with its key. Logs and what a
// server writes are not among them.
func CheckFiles(c *config.Config) error {
	errs := []error{checkOperatorFiles(c)}
	for i := range c.Ingest.Queues {
		errs = append(errs, checkPublicKeys(fmt.Sprintf("ingest.queues[%d]", i), &c.Ingest.Queues[i].Reading))
	}
	for i := range c.Ingest.Buckets {
		errs = append(errs, checkPublicKeys(fmt.Sprintf("ingest.buckets[%d]", i), &c.Ingest.Buckets[i].Reading))
	}
	errs = append(errs, checkIntelligence(c), CheckTargets(c), checkClusters(c))
	errs = append(errs, checkTLS(c.Server.TLS, time.Now))
	if path := c.Server.SealingKeyFile; path != "" {
		if _, err := access.OpenSealerFile(path); err != nil {
			errs = append(errs, fmt.Errorf("server.sealingKeyFile: %w", err))
		}
	}
	n := &c.Journal.NATS
	if n.CertFile != "" {
		if _, err := tls.LoadX509KeyPair(n.CertFile, n.KeyFile); err != nil {
			errs = append(errs, fmt.Errorf("journal.nats.certFile: %w", err))
		}
	}
	if n.CAFile != "" {
		_, err := authorities("journal.nats.caFile", n.CAFile)
		errs = append(errs, err)
	}
	for _, f := range []struct{ key, path string }{
		{"journal.nats.credentialsFile", n.CredentialsFile}, {"journal.nats.passwordFile", n.PasswordFile}, {"journal.nats.tokenFile", n.TokenFile},
		{"store.postgres.passwordFile", c.Store.Postgres.PasswordFile},
	} {
		_, err := secret(f.key, f.path)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// checkIntelligence reads databases of places and the secrets of feeds, and
// looks whether the folders of lists are there. The feeds themselves are asked
// for by nobody.
func checkIntelligence(c *config.Config) error {
	_, err := OpenGeo(c)
	errs := []error{err}
	for i, dir := range c.Intelligence.ListFolders {
		info, err := os.Stat(dir)
		if err == nil && !info.IsDir() {
			err = fmt.Errorf("%s is no folder", dir)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("intelligence.listFolders[%d]: %w", i, err))
		}
	}
	f := &c.Intelligence.Feeds
	for _, name := range slices.Sorted(maps.Keys(f.Secrets)) {
		errs = append(errs, checkSecret("intelligence.feeds.secrets."+name, f.Secrets[name]))
	}
	for i := range f.Own {
		errs = append(errs, checkSecret(fmt.Sprintf("intelligence.feeds.own[%d].secretFile", i), f.Own[i].SecretFile))
	}
	return errors.Join(errs...)
}

// checkSecret wants a file that is named to hold something.
func checkSecret(key, path string) error {
	text, err := secret(key, path)
	if err == nil && text == "" && path != "" {
		return fmt.Errorf("%s: %s is empty", key, path)
	}
	return err
}

func checkPublicKeys(key string, r *config.Reading) error {
	if r.PublicKeysFile == "" || r.Digests == "off" {
		return nil
	}
	if _, err := publicKeys(r.PublicKeysFile); err != nil {
		return fmt.Errorf("%s.%w", key, err)
	}
	return nil
}

// publicKeys reads a file of CloudTrail's public keys.
func publicKeys(path string) ([]ingest.PublicKey, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("publicKeysFile: %w", err)
	}
	keys, _, err := ingest.ParsePublicKeys(b)
	if err != nil {
		return nil, fmt.Errorf("publicKeysFile: %s: %w", path, err)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("publicKeysFile: %s: there is no key in it; write what `aws cloudtrail list-public-keys` prints", path)
	}
	return keys, nil
}

// authorities reads a file of certificates.
func authorities(key, path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s: there is no certificate in %s", key, path)
	}
	return pool, nil
}
