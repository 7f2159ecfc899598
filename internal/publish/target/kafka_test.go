package target_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/vedette-project/vedette/internal/publish"
	"github.com/vedette-project/vedette/internal/publish/target"
)

const kafkaPassword = "s3cr3t-of-kafka"

// kafka is a cluster of brokers in this process that speaks Kafka's protocol.
func kafka(t *testing.T, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(3), kfake.SeedTopics(4, "findings")}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// certificate is one for 127.0.0.1, and who trusts it.
func certificate(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return &tls.Config{Certificates: s.TLS.Certificates, MinVersion: tls.VersionTLS12}, pool
}

// consume reads so many records.
func consume(t *testing.T, want int, opts ...kgo.Opt) (out []*kgo.Record) {
	t.Helper()
	cl, err := kgo.NewClient(append(opts, kgo.ConsumeTopics("findings"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for len(out) < want {
		f := cl.PollFetches(ctx)
		if err := f.Err(); err != nil {
			t.Fatalf("%d of %d records: %v", len(out), want, err)
		}
		out = append(out, f.Records()...)
	}
	return out
}

// TestKafka: brokers that want TLS and a password have each event once, with the
// finding's id for key, in order.
func TestKafka(t *testing.T) {
	conf, pool := certificate(t)
	for mechanism, name := range map[string]string{target.SASLPlain: "PLAIN", target.SASLSHA256: "SCRAM-SHA-256", target.SASLSHA512: "SCRAM-SHA-512"} {
		t.Run(mechanism, func(t *testing.T) {
			c := kafka(t, kfake.TLS(conf), kfake.EnableSASL(), kfake.Superuser(name, "vedette", kafkaPassword), kfake.Superuser("PLAIN", "reader", "r"))
			// The first answer to what is produced is lost, after it was written or before.
			lost := 0
			c.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
				lost++
				return nil, errors.New("the connection breaks"), true
			})
			to := &target.Kafka{
				Form: target.Form{Format: target.FormatCloudEvents}, Brokers: c.ListenAddrs(), Topic: "findings", TLS: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
				Mechanism: mechanism, User: "vedette", Password: kafkaPassword,
			}
			var events []publish.Event
			for i := range 50 {
				e := event(t)
				e.Finding().ID, e.Finding().Service.Count = fmt.Sprintf("f%d", i%10), int64(i)
				events = append(events, publish.FindingEvent(e.Finding(), now))
			}
			events = append(events, health(t, false, "x"))
			if err := to.Send(t.Context(), events); err != nil {
				t.Fatal(err)
			}
			got := consume(t, len(events), kgo.SeedBrokers(c.ListenAddrs()...), kgo.DialTLSConfig(&tls.Config{RootCAs: pool}), kgo.SASL(mechanismOf(t, "reader", "r")))
			if len(got) != len(events) || lost == 0 {
				t.Fatalf("%d records of %d events; %d answers were lost", len(got), len(events), lost)
			}
			last, partition := map[string]float64{}, map[string]int32{}
			for _, r := range got {
				v, headers := decode(t, r.Value), map[string]string{}
				for _, h := range r.Headers {
					headers[h.Key] = string(h.Value)
				}
				if headers["vedette-event-id"] != v["id"] || headers["content-type"] != "application/cloudevents+json; charset=UTF-8" || headers["vedette-incident"] == "" {
					t.Errorf("headers %v of %v", headers, v["id"])
				}
				if headers["vedette-detail-type"] != publish.TypeFinding {
					continue
				}
				id, count := at(t, v, "data", "id").(string), at(t, v, "data", "service", "count").(float64)
				if string(r.Key) != id || count < last[id] {
					t.Errorf("key %s of finding %s, count %g after %g", r.Key, id, count, last[id])
				}
				if p, ok := partition[id]; ok && p != r.Partition {
					t.Errorf("finding %s is in partitions %d and %d", id, p, r.Partition)
				}
				last[id], partition[id] = count, r.Partition
			}
			if len(last) != 10 {
				t.Errorf("%d findings", len(last))
			}
			wrong := &target.Kafka{Brokers: to.Brokers, Topic: to.Topic, TLS: to.TLS, Mechanism: mechanism, User: to.User, Password: "wrong-" + kafkaPassword}
			err := wrong.Send(t.Context(), events[:1])
			refused := (*publish.RefusedError)(nil)
			if err == nil || errors.As(err, &refused) || strings.Contains(err.Error(), kafkaPassword) {
				t.Errorf("a wrong password: %v", err)
			}
			stranger := &target.Kafka{Brokers: c.ListenAddrs(), Topic: "findings", TLS: &tls.Config{MinVersion: tls.VersionTLS12}, Mechanism: mechanism, User: "vedette", Password: kafkaPassword}
			if err := stranger.Send(t.Context(), events[:1]); err == nil || !strings.Contains(err.Error(), "certificate") {
				t.Errorf("brokers that nobody vouches for: %v", err)
			}
		})
	}
}

// TestKafkaFaults: what a broker does not take for its size is refused, alone;
// everything else is tried again, and said.
func TestKafkaFaults(t *testing.T) {
	c := kafka(t, kfake.BrokerConfigs(map[string]string{"message.max.bytes": "30000"}))
	to := &target.Kafka{Brokers: c.ListenAddrs(), Topic: "findings"}
	large, huge := event(t), event(t)
	large.Finding().Description = noise(60_000)
	huge.Finding().Description = strings.Repeat("x", 2<<20)
	events := []publish.Event{huge, large}
	for i := range 9 { // each fits; all together do not
		e := event(t)
		e.Finding().ID, e.Finding().Description = fmt.Sprint("f", i), noise(20_000)
		events = append(events, e)
	}
	each := publish.Each(nil)
	if err := to.Send(t.Context(), events); !errors.As(err, &each) {
		t.Fatalf("error %v", err)
	}
	for i, err := range each {
		refused := (*publish.RefusedError)(nil)
		if i < 2 != errors.As(err, &refused) || i >= 2 && err != nil {
			t.Errorf("event %d: %v", i, err)
		}
	}
	if got := consume(t, 9, kgo.SeedBrokers(c.ListenAddrs()...)); len(got) != 9 {
		t.Errorf("%d records", len(got))
	}

	none := &target.Kafka{Brokers: c.ListenAddrs(), Topic: "none"}
	refused := (*publish.RefusedError)(nil)
	if err := none.Send(t.Context(), events[2:3]); err == nil || errors.As(err, &refused) || !strings.Contains(err.Error(), "no topic none") {
		t.Errorf("no such topic: %v", err)
	}
	c.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		r := req.(*kmsg.ProduceRequest)
		res := r.ResponseKind().(*kmsg.ProduceResponse)
		for _, x := range r.Topics {
			rt := kmsg.NewProduceResponseTopic()
			rt.Topic, rt.TopicID = x.Topic, x.TopicID
			for _, p := range x.Partitions {
				rp := kmsg.NewProduceResponseTopicPartition()
				rp.Partition, rp.ErrorCode = p.Partition, kerr.TopicAuthorizationFailed.Code
				rt.Partitions = append(rt.Partitions, rp)
			}
			res.Topics = append(res.Topics, rt)
		}
		return res, nil, true
	})
	if err := to.Send(t.Context(), events[2:3]); err == nil || errors.As(err, &refused) || !strings.Contains(err.Error(), "allow the user to write") {
		t.Errorf("no right: %v", err)
	}

	silent := kafka(t)
	silent.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		silent.KeepControl()
		silent.SleepControl(func() { <-t.Context().Done() })
		return nil, nil, false
	})
	slow := &target.Kafka{Brokers: silent.ListenAddrs(), Topic: "findings"}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := slow.Send(ctx, events[2:3]); err == nil || !strings.Contains(err.Error(), "does not acknowledge") {
		t.Errorf("no answer: %v", err)
	}
	gone := &target.Kafka{Brokers: []string{"127.0.0.1:1"}, Topic: "findings"}
	if err := gone.Send(t.Context(), events[2:3]); err == nil || !strings.Contains(err.Error(), "reach Kafka") {
		t.Errorf("no broker: %v", err)
	}
}

// noise is text that does not compress well.
func noise(n int) string {
	var b strings.Builder
	x := uint32(1)
	for b.Len() < n {
		x = x*1664525 + 1013904223
		b.WriteByte('!' + byte(x>>24)%90)
	}
	return b.String()
}
