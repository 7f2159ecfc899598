package journal

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// connect makes a client. It tries again for ever once it has been connected,
// and holds nothing back while it is not: who publishes is told at once.
func connect(o Options, server *embedded, purpose string) (*conn, error) {
	log := o.Log.With("connection", purpose)
	options := []nats.Option{
		nats.Name(o.Name + "-" + purpose),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(200 * time.Millisecond),
		nats.ReconnectJitter(100*time.Millisecond, 200*time.Millisecond),
		nats.ReconnectBufSize(-1),
		nats.Timeout(requestTimeout),
		nats.PingInterval(5 * time.Second),
		nats.MaxPingsOutstanding(2),
		nats.IgnoreAuthErrorAbort(),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("the journal's connection is lost", "error", err)
			}
		}),
		nats.ReconnectHandler(func(c *nats.Conn) {
			log.Info("the journal is connected again", "server", c.ConnectedServerName())
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			log.Warn("the journal's connection has a problem", "error", err)
		}),
	}
	if server != nil {
		nc, err := nats.Connect("", append(options, nats.InProcessServer(server))...)
		if err != nil {
			return nil, fmt.Errorf("connect to the embedded journal: %w", err)
		}
		return &conn{Conn: nc, log: log}, nil
	}
	nc, err := nats.Connect(strings.Join(o.URLs, ","), append(options, o.credentials()...)...)
	if err != nil {
		if u := (*url.Error)(nil); errors.As(err, &u) { // it repeats the URL, with the password
			err = u.Err
		}
		err = fmt.Errorf("journal.nats.url: %w%s", err, o.hint(err))
		if errors.Is(err, nats.ErrNoServers) { // they may just be starting
			err = fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		return nil, err
	}
	if !nc.HeadersSupported() || !atLeast(nc.ConnectedServerVersion(), 2, 11) {
		defer nc.Close()
		return nil, fmt.Errorf("journal.nats.url: the server has version %s; 2.11 is the oldest that works", nc.ConnectedServerVersion())
	}
	return &conn{Conn: nc, log: log}, nil
}

func (o Options) credentials() []nats.Option {
	var out []nats.Option
	if o.CAFile != "" {
		out = append(out, nats.RootCAs(o.CAFile))
	}
	if o.CertFile != "" {
		out = append(out, nats.ClientCert(o.CertFile, o.KeyFile))
	}
	if o.CredentialsFile != "" {
		out = append(out, nats.UserCredentials(o.CredentialsFile))
	}
	if o.Username != "" {
		out = append(out, nats.UserInfo(o.Username, o.Password))
	}
	if o.Token != "" {
		out = append(out, nats.Token(o.Token))
	}
	return out
}

// hint names the setting that is probably wrong.
func (o Options) hint(err error) string {
	text := err.Error()
	switch {
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), strings.Contains(text, "uthorization"):
		return " (what journal.nats.username and passwordFile, tokenFile or credentialsFile say is not accepted)"
	case errors.Is(err, nats.ErrSecureConnRequired):
		return " (the server wants TLS: set journal.nats.caFile)"
	case errors.Is(err, nats.ErrSecureConnWanted):
		return " (the server has no TLS: journal.nats.caFile and certFile cannot be used)"
	case strings.Contains(text, "x509"), strings.Contains(text, "tls:"):
		return " (see journal.nats.caFile, certFile and keyFile)"
	}
	return ""
}

// atLeast compares versions such as 2.11.0-beta.
func atLeast(version string, major, minor int) bool {
	var a, b int
	if n, err := fmt.Sscanf(version, "%d.%d", &a, &b); n != 2 || err != nil {
		return false
	}
	return a > major || a == major && b >= minor
}
