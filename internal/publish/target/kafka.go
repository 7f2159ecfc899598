package target

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	saslplain "github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/vedette-project/vedette/internal/publish"
)

// Kafka writes each event as a record of a topic. The key is the finding's id,
// so that the events of one finding are in one partition, in order.
type Kafka struct {
	Form
	Brokers []string // host:port
	Topic   string
	TLS     *tls.Config // nil: without
	// Mechanism, User and Password authenticate; without a user nobody does.
	Mechanism, User, Password string

	mu     sync.Mutex
	client *kgo.Client
}

// The mechanisms of SASL.
const (
	SASLPlain  = "plain"
	SASLSHA256 = "scram-sha-256"
	SASLSHA512 = "scram-sha-512"
)

const (
	kafkaDial    = 10 * time.Second
	kafkaRetries = 3 // of a topic that is not known yet
	// maxKafkaRecord is a little under what brokers take by default; one that
	// takes less refuses the record itself.
	maxKafkaRecord = 1<<20 - 4<<10
)

// Send writes events, and returns when all replicas in sync have them. The
// producer is idempotent: what the client itself repeats is in the topic once.
func (t *Kafka) Send(ctx context.Context, events []publish.Event) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.connect(ctx); err != nil {
		return err
	}
	each, records := make(publish.Each, len(events)), make([]*kgo.Record, len(events))
	var all []int
	for i := range events {
		if t.skips(&events[i]) {
			continue
		}
		if records[i], each[i] = t.record(&events[i]); each[i] == nil {
			all = append(all, i)
		}
	}
	if err := t.produce(ctx, records, each, all); err != nil {
		return err
	}
	for _, i := range all { // what was too large may have been all of them together
		if len(all) > 1 && errors.Is(each[i], kerr.MessageTooLarge) {
			if err := t.produce(ctx, records, each, []int{i}); err != nil {
				return err
			}
		}
	}
	for _, i := range all {
		each[i] = t.judge(each[i])
	}
	return result(each)
}

// produce writes some of the records, and notes what became of each.
func (t *Kafka) produce(ctx context.Context, records []*kgo.Record, each publish.Each, group []int) error {
	type outcome struct {
		i   int
		err error
	}
	outcomes := make(chan outcome, len(group))
	for _, i := range group {
		t.client.Produce(ctx, records[i], func(_ *kgo.Record, err error) { outcomes <- outcome{i, err} })
	}
	for range group {
		select {
		case o := <-outcomes:
			each[o.i] = o.err
		case <-ctx.Done():
			// What is on its way cannot be called back, only given up with the client.
			t.client.Close()
			t.client = nil
			return fmt.Errorf("Kafka does not acknowledge: %w", context.Cause(ctx))
		}
	}
	return nil
}

func (t *Kafka) record(e *publish.Event) (*kgo.Record, error) {
	body, err := t.text(e)
	if err != nil {
		return nil, err
	}
	if len(body) > maxKafkaRecord {
		return nil, &publish.RefusedError{Reason: fmt.Sprintf("it has %d bytes, and Kafka takes %d", len(body), maxKafkaRecord)}
	}
	key := e.Incident.Key
	if f := e.Finding(); f != nil {
		key = f.ID
	}
	return &kgo.Record{
		Topic: t.Topic, Key: []byte(key), Value: body, Timestamp: e.Time,
		Headers: []kgo.RecordHeader{
			{Key: "vedette-event-id", Value: []byte(e.ID)}, {Key: "vedette-incident", Value: []byte(e.Incident.Key)},
			{Key: "vedette-detail-type", Value: []byte(e.DetailType)}, {Key: "content-type", Value: []byte(t.ContentType())},
		},
	}, nil
}

// judge says what the error of a record means.
func (t *Kafka) judge(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kerr.MessageTooLarge), errors.Is(err, kerr.RecordListTooLarge), errors.Is(err, kerr.InvalidRecord):
		return &publish.RefusedError{Reason: err.Error()}
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return fmt.Errorf("there is no topic %s in Kafka, or the user may not describe it; make it: none is made here", t.Topic)
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed):
		return fmt.Errorf("publish to Kafka: %w; allow the user to write to topic %s", err, t.Topic)
	}
	return fmt.Errorf("publish to Kafka: %w", err)
}

func (t *Kafka) connect(ctx context.Context) error {
	if t.client != nil {
		return nil
	}
	o := []kgo.Opt{
		kgo.SeedBrokers(t.Brokers...), kgo.ClientID("vedette"), kgo.RequiredAcks(kgo.AllISRAcks()), kgo.DialTimeout(kafkaDial),
		kgo.UnknownTopicRetries(kafkaRetries), kgo.ProducerLinger(0),
	}
	if t.TLS != nil {
		o = append(o, kgo.DialTLSConfig(t.TLS))
	}
	if t.User != "" {
		m, err := t.mechanism()
		if err != nil {
			return err
		}
		o = append(o, kgo.SASL(m))
	}
	client, err := kgo.NewClient(o...)
	if err != nil {
		return fmt.Errorf("publish to Kafka: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, kafkaDial)
	defer cancel()
	if err := client.Ping(ctx); err != nil { // so that it is known why, if it cannot be reached
		client.Close()
		if t.User != "" { // some brokers just hang up on who may not come in
			return fmt.Errorf("reach Kafka: %w; see that protocol, mechanism, user and password are right", err)
		}
		return fmt.Errorf("reach Kafka: %w", err)
	}
	t.client = client
	return nil
}

func (t *Kafka) mechanism() (sasl.Mechanism, error) {
	switch t.Mechanism {
	case SASLPlain:
		return saslplain.Auth{User: t.User, Pass: t.Password}.AsMechanism(), nil
	case SASLSHA256:
		return scram.Auth{User: t.User, Pass: t.Password}.AsSha256Mechanism(), nil
	case SASLSHA512, "":
		return scram.Auth{User: t.User, Pass: t.Password}.AsSha512Mechanism(), nil
	}
	return nil, fmt.Errorf("there is no mechanism %q", t.Mechanism)
}
