package testbed

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// SQSServer is a server that speaks the protocol of SQS. It does not count how
// often a message was received.
type SQSServer struct {
	Endpoint string

	t      testing.TB
	client *sqs.Client
}

// SQS starts a server that ends with the test. It listens on all interfaces.
func SQS(t testing.TB) *SQSServer {
	t.Helper()
	bin := tool{name: "goaws", module: "github.com/Admiral-Piett/goaws", version: "v0.5.4", pkg: "github.com/Admiral-Piett/goaws/app/cmd"}.path(t)
	port := FreePort(t)
	s := &SQSServer{t: t, Endpoint: "http://" + address(port)}
	conf := filepath.Join(t.TempDir(), "goaws.yaml")
	text := fmt.Sprintf("Local:\n  Host: 127.0.0.1\n  Port: %d\n  Region: %s\n  AccountId: \"100010001000\"\n  QueueAttributeDefaults:\n    VisibilityTimeout: 30\n", port, AWSRegion)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	launch(t, exec.Command(bin, "-config", conf, "Local"), address(port))
	s.client = s.Client()
	return s
}

// Client is a client of this server.
func (s *SQSServer) Client() *sqs.Client {
	return sqs.NewFromConfig(AWSConfig(), func(o *sqs.Options) { o.BaseEndpoint = &s.Endpoint })
}

// Queue makes a queue and returns its URL. With a dead-letter queue messages
// that were received so often go there.
func (s *SQSServer) Queue(name string, visibility time.Duration, deadLetters string, receives int) string {
	s.t.Helper()
	attributes := map[string]string{"VisibilityTimeout": strconv.Itoa(int(visibility / time.Second))}
	if deadLetters != "" {
		attributes["RedrivePolicy"] = fmt.Sprintf(`{"maxReceiveCount":"%d","deadLetterTargetArn":"arn:aws:sqs:%s:100010001000:%s"}`, receives, AWSRegion, deadLetters)
	}
	out, err := s.client.CreateQueue(s.t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		s.t.Fatal(err)
	}
	u, err := url.Parse(aws.ToString(out.QueueUrl)) // of a host that nobody can find
	if err != nil {
		s.t.Fatal(err)
	}
	return s.Endpoint + u.Path
}

// Send sends messages to a queue.
func (s *SQSServer) Send(queue string, bodies ...string) {
	s.t.Helper()
	for _, b := range bodies {
		if _, err := s.client.SendMessage(s.t.Context(), &sqs.SendMessageInput{QueueUrl: &queue, MessageBody: &b}); err != nil {
			s.t.Fatal(err)
		}
	}
}

// Left is how many messages a queue has, seen and unseen.
func (s *SQSServer) Left(queue string) int {
	s.t.Helper()
	out, err := s.client.GetQueueAttributes(s.t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &queue, AttributeNames: []types.QueueAttributeName{"All"}})
	if err != nil {
		s.t.Fatal(err)
	}
	n, _ := strconv.Atoi(out.Attributes["ApproximateNumberOfMessages"]) // here those that are hidden, too
	return n
}
