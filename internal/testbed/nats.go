package testbed

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// NATSOptions say what kind of servers to start.
type NATSOptions struct {
	// TLS has clients encrypt; they trust NATS.CAFile.
	TLS bool
	// Username and Password are asked of clients if they are set.
	Username, Password string
	// WithoutJetStream leaves JetStream off.
	WithoutJetStream bool
	// SyncAlways has every write synced.
	SyncAlways bool
	// MaxPayload is the largest message; the server's default if zero.
	MaxPayload int32
	// Later is how many servers only start with StartNode: the last ones.
	Later int
}

// NATS is a cluster of real servers in this process. Routes between them go
// through proxies that can be cut.
type NATS struct {
	// CAFile is what clients trust, with TLS.
	CAFile string

	t       testing.TB
	opts    NATSOptions
	tls     *tls.Config
	dir     string
	clients []int      // the port of each node
	routes  []int      // the port of each node's cluster listener
	links   [][]*proxy // from a node to one before it

	mu      sync.Mutex
	servers []*server.Server // nil while stopped
}

// NATSCluster starts n servers with JetStream; they end with the test.
func NATSCluster(t testing.TB, n int) *NATS { return NATSWith(t, n, NATSOptions{}) }

// NATSWith is NATSCluster with options.
func NATSWith(t testing.TB, n int, o NATSOptions) *NATS {
	t.Helper()
	c := &NATS{t: t, opts: o, dir: t.TempDir(), servers: make([]*server.Server, n)}
	if o.TLS {
		c.tls, c.CAFile = Certificate(t, c.dir)
	}
	for range n {
		c.clients = append(c.clients, FreePort(t))
		c.routes = append(c.routes, FreePort(t))
	}
	for i := range n {
		c.links = append(c.links, nil)
		for k := range i {
			c.links[i] = append(c.links[i], newProxy(t, address(c.routes[k])))
		}
	}
	t.Cleanup(func() {
		for i := range n {
			c.StopNode(i)
		}
	})
	for i := range n - o.Later {
		c.launch(i)
	}
	c.WaitReady()
	return c
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// URLs are the addresses for clients.
func (c *NATS) URLs() []string {
	var out []string
	for i := range c.clients {
		out = append(out, c.URL(i))
	}
	return out
}

// URL is the address of one node.
func (c *NATS) URL(i int) string {
	scheme := "nats://"
	if c.opts.TLS {
		scheme = "tls://"
	}
	return scheme + address(c.clients[i])
}

func (c *NATS) options(i int) *server.Options {
	o := &server.Options{
		ServerName: fmt.Sprintf("node-%d", i),
		Host:       "127.0.0.1", Port: c.clients[i],
		Username: c.opts.Username, Password: c.opts.Password,
		MaxPayload: c.opts.MaxPayload,
		JetStream:  !c.opts.WithoutJetStream,
		StoreDir:   filepath.Join(c.dir, strconv.Itoa(i)),
		SyncAlways: c.opts.SyncAlways,
		NoSigs:     true, NoLog: true,
		TLSConfig: c.tls, TLS: c.tls != nil, TLSTimeout: 5,
	}
	if len(c.clients) == 1 {
		return o
	}
	o.Cluster = server.ClusterOpts{
		Name: "testbed", Host: "127.0.0.1", Port: c.routes[i],
		// Nobody shall come past the proxies.
		Advertise: "127.0.0.1:1",
		PoolSize:  -1,
	}
	// Each pair has one link, so that no two routes of theirs are ever found to
	// be one too many at the same time. The others only tell how many there are.
	for k := range c.clients {
		switch {
		case k < i:
			o.Routes = append(o.Routes, &url.URL{Scheme: "nats", Host: c.links[i][k].address()})
		case k > i:
			o.Routes = append(o.Routes, &url.URL{Scheme: "nats", Host: address(1 + k)})
		}
	}
	return o
}

func (c *NATS) launch(i int) {
	c.t.Helper()
	s, err := server.NewServer(c.options(i))
	if err != nil {
		c.t.Fatal(err)
	}
	go s.Start()
	c.mu.Lock()
	c.servers[i] = s
	c.mu.Unlock()
	if !s.ReadyForConnections(time.Minute) {
		c.t.Fatalf("node %d does not accept connections on %s", i, address(c.clients[i]))
	}
}

func (c *NATS) node(i int) *server.Server {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.servers[i]
}
