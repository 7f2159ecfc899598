package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/finding"
)

// certificateEvery is how often the server's certificate is looked at.
const certificateEvery = 10 * time.Second

// openTLS makes ready what the server shows those who connect. A process that
// serves nobody does so too: it may tell others of the authority.
func (a *App) openTLS(ctx context.Context) error {
	t := a.Config.Server.TLS
	if !t.Enabled() {
		return nil
	}
	c := &certificates{tls: t, now: a.Now, log: a.Log}
	if t.Auto {
		var err error
		if c.own, err = keptAuthority(ctx, a.Config, a.keys); err != nil {
			return err
		}
		c.names = ownNames(a.Config)
	}
	if err := c.open(); err != nil {
		return err
	}
	a.certificates = c
	a.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "vedette_server_certificate_expiry_timestamp_seconds",
		Help: "When the certificate expires that the server shows. Absent without TLS.",
	}, func() float64 { return float64(c.current.Load().leaf.NotAfter.Unix()) }))
	a.background("end looking at the certificate", func(ctx context.Context) {
		for pause(ctx, certificateEvery) == nil {
			c.refresh()
		}
	})
	return nil
}

// tlsConfig is for the listener; nil without TLS.
func (a *App) tlsConfig() *tls.Config {
	if a.certificates == nil {
		return nil
	}
	return a.certificates.serverConfig()
}

// authorityPEM is who signed the certificate that the server shows, for those
// who are to trust it; nil where that is not known. It may change.
func (a *App) authorityPEM() []byte {
	if a.certificates == nil {
		return nil
	}
	return a.certificates.current.Load().authority
}

// certified is nil while the server can show a certificate that is good now.
func (a *App) certified() error {
	if a.certificates == nil {
		return nil
	}
	leaf := a.certificates.current.Load().leaf
	switch now := a.Now(); {
	case now.After(leaf.NotAfter):
		return fmt.Errorf("the server's certificate has expired at %s", leaf.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(leaf.NotBefore):
		return fmt.Errorf("the server's certificate is good from %s only; is the clock right?", leaf.NotBefore.UTC().Format(time.RFC3339))
	}
	return nil
}

// checkTLS reads the files that server.tls names, as a start would.
func checkTLS(t config.TLS, now func() time.Time) error {
	if t.CertFile == "" {
		if t.ClientCAFile == "" {
			return nil
		}
		_, err := authorities("server.tls.clientCAFile", t.ClientCAFile)
		return err
	}
	return (&certificates{tls: t, now: now}).open()
}

// CheckTLS reads the files that server.tls names, as a start would.
func CheckTLS(c *config.Config, now func() time.Time) error { return checkTLS(c.Server.TLS, now) }

// KnownAuthority is the authority in a data directory, PEM, without its key; an
// fs.ErrNotExist where there is none.
func KnownAuthority(dataDir string) ([]byte, error) {
	return publicPart(readAuthority(AuthorityFile(dataDir)))
}

// Authority is who signs the certificate of the server that a configuration
// describes, PEM, for commands that tell others whom to trust. It makes the
// authority where the first start would. ErrNoAuthority says that it is not known.
func Authority(ctx context.Context, c *config.Config, now func() time.Time) ([]byte, error) {
	switch t := c.Server.TLS; {
	case t.Auto && c.Store.Postgres.URL == "":
		return publicPart(keptInFolder(c.Store.DataDir, now()))
	case t.Auto:
		keys, err := OpenKeys(ctx, c, now)
		if err != nil {
			return nil, err
		}
		own, err := keptAuthority(ctx, c, keys)
		return publicPart(own, errors.Join(err, keys.Close()))
	case t.CAFile != "":
		text, err := os.ReadFile(t.CAFile)
		if err == nil {
			_, err = pool("server.tls.caFile", t.CAFile, text)
		}
		return text, err
	case t.CertFile != "":
		return nil, fmt.Errorf("%w: server.tls.certFile is signed by somebody else; name the file with the authority in server.tls.caFile", ErrNoAuthority)
	}
	// The server may have another configuration than this command.
	if _, err := os.Stat(AuthorityFile(c.Store.DataDir)); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", ErrNoAuthority, errNoTLS)
	}
	return KnownAuthority(c.Store.DataDir)
}

// ErrNoAuthority says that it is not known who signs the server's certificate.
var ErrNoAuthority = errors.New("the authority of the server's certificate is not known")

func publicPart(a *ownAuthority, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	return a.pem(), nil
}

func isNone(err error) bool { return errors.Is(err, finding.ErrNotFound) }
