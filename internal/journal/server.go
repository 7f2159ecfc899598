package journal

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// embedded is the NATS server in this process. It listens nowhere: clients come
// in through InProcessConn, and come back there after a restart.
type embedded struct {
	opts Options
	log  *serverLog

	mu     sync.Mutex
	srv    *server.Server // nil while it restarts
	sick   error          // why nothing can be appended at present
	failed chan struct{}  // closed while sick, so that nobody waits for an answer

	dirs   []*os.File    // by shard: the folder of its blocks
	kicked chan struct{} // look at the server's health now
}

var errRestarting = errors.New("the embedded journal is restarting")

func startEmbedded(o Options) (*embedded, error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	e := &embedded{opts: o, log: newServerLog(o.Log), failed: make(chan struct{}), kicked: make(chan struct{}, 1)}
	if err := e.start(); err != nil {
		return nil, err
	}
	return e, nil
}

// start runs a server on the folder.
func (e *embedded) start() error {
	// What an earlier process wrote and did not live to sync is about to be
	// read, and must not vanish after somebody acted on it.
	if err := syncTree(e.opts.Dir); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	s, err := server.NewServer(&server.Options{
		ServerName:             e.opts.Name,
		DontListen:             true,
		NoSigs:                 true,
		NoLog:                  true,
		MaxPayload:             maxPayload,
		MaxPending:             4 * maxPayload,
		JetStream:              true,
		StoreDir:               e.opts.Dir,
		SyncAlways:             !e.opts.NoSync,
		JetStreamMaxMemory:     64 << 20,
		JetStreamMaxStore:      1 << 60, // each stream has its own bound
		DisableJetStreamBanner: true,
	})
	if err != nil {
		return fmt.Errorf("embedded journal: %w", err)
	}
	s.SetLoggerV2(e.log, false, false, false)
	e.log.reset()
	go s.Start()
	if !s.ReadyForConnections(30*time.Second) || !s.JetStreamEnabled() {
		s.Shutdown()
		s.WaitForShutdown()
		return fmt.Errorf("the embedded journal does not start: %s", e.log.failure())
	}
	e.mu.Lock()
	e.srv = s
	e.mu.Unlock()
	return nil
}

// stop ends the server and closes the folders.
func (e *embedded) stop() {
	e.shutdown()
	for _, d := range e.dirs {
		_ = d.Close() // read only
	}
	e.dirs = nil
}

func (e *embedded) shutdown() {
	e.mu.Lock()
	s := e.srv
	e.srv = nil
	e.mu.Unlock()
	if s != nil {
		s.Shutdown()
		s.WaitForShutdown()
	}
}

// InProcessConn is called by clients when they connect.
func (e *embedded) InProcessConn() (net.Conn, error) {
	e.mu.Lock()
	s := e.srv
	e.mu.Unlock()
	if s == nil {
		return nil, errRestarting
	}
	return s.InProcessConn()
}

// syncDirs makes the names of all files and folders durable, once the streams
// are there, and keeps the folders of blocks open for syncShard.
func (e *embedded) syncDirs(o Options) error {
	if err := syncTree(o.Dir); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	for shard := range o.Shards {
		d, err := os.Open(filepath.Join(o.Dir, "jetstream", "$G", "streams", o.stream(shard), "msgs"))
		if err != nil {
			return fmt.Errorf("journal: %w", err)
		}
		e.dirs = append(e.dirs, d)
	}
	return nil
}

// syncShard makes the name of a block durable that the last message may have
// begun; the server syncs what is in the block, not the folder it made it in.
func (e *embedded) syncShard(shard int) error {
	if e.opts.NoSync {
		return nil
	}
	return e.dirs[shard].Sync()
}
