package journal

import (
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"time"
)

// Options say which journal to open. They are not changed by it.
type Options struct {
	// Dir is the folder of the embedded server; ignored with URLs.
	Dir string
	// URLs are servers of an external cluster: nats://host:port, tls://host:port.
	URLs []string
	// CAFile, CertFile and KeyFile are PEM files: whom to trust, and who we are.
	// With CAFile the connection is always encrypted.
	CAFile, CertFile, KeyFile string
	// One of: a credentials file (JWT and seed), a user, a token.
	CredentialsFile    string
	Username, Password string
	Token              string
	// Name begins the names of streams and subjects; "vedette" if empty.
	Name string
	// Replicas of each stream on an external cluster: 1, 3 or 5; 3 if zero.
	Replicas int
	// Shards is how many streams there are.
	Shards int
	// MaxBytes bounds all shards together; each has an equal share.
	MaxBytes int64
	// MinFree is how many bytes the embedded server leaves free on its file
	// system.
	MinFree int64
	// NoSync has the embedded server sync only now and then: what it took in the
	// last two minutes before a power loss may be gone. For measurements.
	NoSync bool
	// Log gets what happens; nil is silence.
	Log *slog.Logger
}

const (
	// maxStored is what JetStream's file store takes in one message, with its
	// subject and headers.
	maxStored = 32 << 20
	// maxPayload is what the embedded server takes from a client.
	maxPayload = maxStored + 1<<20
	// headRoom is kept of that, and of a server's max_payload, for headers.
	headRoom = 4 << 10
	// minShare is the least a shard can work with.
	minShare = 64 << 10

	requestTimeout = 5 * time.Second
	// dedupWindow is how long an id is remembered.
	dedupWindow = 5 * time.Minute
	// metadataID is the key of a stream's identity in its metadata.
	metadataID = "vedette-journal-id"
)

func (o Options) withDefaults() (Options, error) {
	if o.Name == "" {
		o.Name = "vedette"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if len(o.URLs) == 0 {
		o.Replicas = 1
	} else if o.Replicas == 0 {
		o.Replicas = 3
	}
	switch {
	case !regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`).MatchString(o.Name):
		return o, fmt.Errorf("journal.nats.name %q may only have letters, digits, _ and -", o.Name)
	case o.Replicas != 1 && o.Replicas != 3 && o.Replicas != 5:
		return o, fmt.Errorf("journal.nats.replicas is %d, it must be 1, 3 or 5", o.Replicas)
	case o.Shards < 1:
		return o, errors.New("the journal needs at least one shard")
	case o.MaxBytes/int64(o.Shards) < minShare:
		return o, fmt.Errorf("journal.maxBytes %d is less than %d for each of %d shards", o.MaxBytes, minShare, o.Shards)
	case len(o.URLs) == 0 && o.Dir == "":
		return o, errors.New("the journal needs a folder or journal.nats.url")
	}
	return o, nil
}

// share is what one shard may hold.
func (o Options) share() int64 { return o.MaxBytes / int64(o.Shards) }

func (o Options) stream(shard int) string  { return o.Name + "-journal-" + strconv.Itoa(shard) }
func (o Options) subject(shard int) string { return o.Name + ".journal." + strconv.Itoa(shard) }

// wake is the subject on which an appender says that there is something new.
func (o Options) wake(shard int) string { return o.Name + ".wake." + strconv.Itoa(shard) }
