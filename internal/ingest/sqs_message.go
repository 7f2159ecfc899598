package ingest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Notice is what a message of a queue announces.
type Notice struct {
	Objects []Object
	At      time.Time // when it happened, zero if the message does not say
}

// errNoNotice is that a message announces no object in any form that is known.
var errNoNotice = errors.New("it is no notification of S3, SNS, EventBridge or CloudTrail; see that nothing else sends to this queue")

// maxWraps bounds notifications inside of notifications.
const maxWraps = 4

// notification is every form that is known, over each other.
type notification struct {
	// SNS
	Type    string `json:"Type"`
	Message string `json:"Message"`
	// S3
	Event   string           `json:"Event"` // s3:TestEvent
	Records []s3Notification `json:"Records"`
	// EventBridge
	DetailType string          `json:"detail-type"`
	Source     string          `json:"source"`
	Time       time.Time       `json:"time"`
	Detail     json.RawMessage `json:"detail"`
	// CloudTrail
	Bucket string   `json:"s3Bucket"`
	Keys   []string `json:"s3ObjectKey"`
}

type s3Notification struct {
	EventSource string    `json:"eventSource"`
	EventName   string    `json:"eventName"`
	EventTime   time.Time `json:"eventTime"`
	S3          *struct {
		Bucket struct {
			Name string `json:"name"`
		} `json:"bucket"`
		Object struct {
			Key     string `json:"key"`
			Size    int64  `json:"size"`
			ETag    string `json:"eTag"`
			Version string `json:"versionId"`
		} `json:"object"`
	} `json:"s3"`
}

// bridgeDetail is the detail of an event of EventBridge.
type bridgeDetail struct {
	Bucket struct {
		Name string `json:"name"`
	} `json:"bucket"`
	Object struct {
		Key     string `json:"key"`
		Size    int64  `json:"size"`
		ETag    string `json:"etag"`
		Version string `json:"version-id"`
	} `json:"object"`
}

// ParseNotice reads the body of a message. A notice without objects is one that
// announces nothing to read, such as the test that S3 sends when it is set up.
func ParseNotice(body []byte) (Notice, error) {
	for range maxWraps {
		var n notification
		if err := json.Unmarshal(body, &n); err != nil {
			return Notice{}, fmt.Errorf("%w: %w", errNoNotice, err)
		}
		switch {
		case n.Message != "" && (n.Type == "Notification" || n.Type == ""):
			if !strings.HasPrefix(strings.TrimSpace(n.Message), "{") { // what CloudTrail says when SNS is set up
				return Notice{}, nil
			}
			body = []byte(n.Message)
			continue
		case n.Event == "s3:TestEvent":
			return Notice{}, nil
		case n.Records != nil:
			return ofS3(n.Records)
		case n.Source == "aws.s3" || n.DetailType != "" && n.Detail != nil:
			return ofBridge(&n)
		case n.Bucket != "" && len(n.Keys) > 0:
			return ofTrail(&n)
		}
		return Notice{}, errNoNotice
	}
	return Notice{}, errNoNotice
}

// ofS3 reads notifications of S3; their keys are encoded as in a form.
func ofS3(records []s3Notification) (Notice, error) {
	var out Notice
	for _, r := range records {
		if r.S3 == nil {
			return Notice{}, errNoNotice
		}
		if !strings.HasPrefix(strings.TrimPrefix(r.EventName, "s3:"), "ObjectCreated:") {
			continue // removed, restored, …
		}
		key, err := url.QueryUnescape(r.S3.Object.Key)
		if err != nil {
			return Notice{}, fmt.Errorf("%w: the key %q is not encoded as S3 does: %w", errNoNotice, r.S3.Object.Key, err)
		}
		o := Object{Bucket: r.S3.Bucket.Name, Key: key, Version: r.S3.Object.Version, ETag: cleanETag(r.S3.Object.ETag), Size: r.S3.Object.Size}
		if err := out.add(o, r.EventTime); err != nil {
			return Notice{}, err
		}
	}
	return out, nil
}

// ofBridge reads an event of EventBridge; its key is as it is.
func ofBridge(n *notification) (Notice, error) {
	if n.DetailType != "Object Created" {
		return Notice{}, nil
	}
	var d bridgeDetail
	if err := json.Unmarshal(n.Detail, &d); err != nil {
		return Notice{}, fmt.Errorf("%w: detail: %w", errNoNotice, err)
	}
	var out Notice
	err := out.add(Object{Bucket: d.Bucket.Name, Key: d.Object.Key, Version: d.Object.Version, ETag: cleanETag(d.Object.ETag), Size: d.Object.Size}, n.Time)
	return out, err
}

// ofTrail reads what CloudTrail itself sends to its SNS topic.
func ofTrail(n *notification) (Notice, error) {
	var out Notice
	for _, key := range n.Keys {
		if err := out.add(Object{Bucket: n.Bucket, Key: key}, time.Time{}); err != nil {
			return Notice{}, err
		}
	}
	return out, nil
}

func (n *Notice) add(o Object, at time.Time) error {
	if o.Bucket == "" || o.Key == "" {
		return fmt.Errorf("%w: it names no bucket and key", errNoNotice)
	}
	if o.Version == "null" { // of a bucket whose versioning is suspended
		o.Version = ""
	}
	n.Objects = append(n.Objects, o)
	if n.At.IsZero() || at.Before(n.At) && !at.IsZero() {
		n.At = at
	}
	return nil
}

// order is when what the notice announces belongs: as its first key says.
func (n *Notice) order() time.Time {
	if len(n.Objects) > 0 {
		if t := parseKey(n.Objects[0].Key).Time; !t.IsZero() {
			return t
		}
	}
	return n.At
}
