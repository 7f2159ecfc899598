package target

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/vedette-project/vedette/internal/publish"
)

// SQS sends each event as a message of a queue. In a FIFO queue the findings of
// an incident stay in their order, and what is sent twice within minutes comes once.
type SQS struct {
	Form
	Client *sqs.Client
	URL    string
}

// Limits of one call.
const (
	maxSQSMessages = 10
	maxSQSBytes    = 256 << 10
)

// Send sends events, ten in one call.
func (t *SQS) Send(ctx context.Context, events []publish.Event) error {
	each, bodies := make(publish.Each, len(events)), make([][]byte, len(events))
	for i := range events {
		if !t.skips(&events[i]) {
			bodies[i], each[i] = t.text(&events[i])
		}
	}
	for _, group := range sized(events, bodies, each, maxSQSMessages, maxSQSBytes) {
		t.batch(ctx, events, bodies, each, group)
	}
	return result(each)
}

func (t *SQS) batch(ctx context.Context, events []publish.Event, bodies [][]byte, each publish.Each, group []int) {
	in := &sqs.SendMessageBatchInput{QueueUrl: &t.URL}
	for _, i := range group {
		m := types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String(string(bodies[i]))}
		if strings.HasSuffix(t.URL, ".fifo") {
			m.MessageDeduplicationId, m.MessageGroupId = &events[i].ID, aws.String(fifoGroup(&events[i]))
		}
		in.Entries = append(in.Entries, m)
	}
	out, err := t.Client.SendMessageBatch(ctx, in)
	if err != nil {
		fail(each, group, sdkFault(err))
		return
	}
	answered := map[string]error{}
	for _, s := range out.Successful {
		answered[aws.ToString(s.Id)] = nil
	}
	for _, f := range out.Failed {
		what := aws.ToString(f.Code) + ": " + plain(aws.ToString(f.Message))
		if f.SenderFault && awsRefuses(aws.ToString(f.Code)) {
			answered[aws.ToString(f.Id)] = &publish.RefusedError{Reason: what}
			continue
		}
		answered[aws.ToString(f.Id)] = errors.New("SQS answered " + what)
	}
	for _, i := range group {
		err, ok := answered[strconv.Itoa(i)]
		if !ok {
			err = errors.New("the answer of SQS does not speak of every message")
		}
		each[i] = err
	}
}

// fifoGroup is the group of an event: its incident's.
func fifoGroup(e *publish.Event) string {
	if e.Incident.Key == "" {
		return e.ID
	}
	return e.Incident.Key
}

// sdkFault tells an error about what was sent from one that may pass.
func sdkFault(err error) error {
	var call smithy.APIError
	if errors.As(err, &call) {
		if awsRefuses(call.ErrorCode()) {
			return &publish.RefusedError{Reason: call.ErrorCode() + ": " + plain(call.ErrorMessage())}
		}
		return fmt.Errorf("%w%s", err, awsAdvice(call.ErrorCode()))
	}
	return err
}
