package target

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"path"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/vedette-project/vedette/internal/publish"
)

// S3 writes findings to a bucket as GuardDuty exports them: lines of JSON,
// compressed, in PREFIX/AWSLogs/ACCOUNT/GuardDuty/REGION/YYYY/MM/DD/.
type S3 struct {
	Client              *s3.Client
	Bucket, Prefix      string
	KMSKey              string // ARN; "" for what the bucket has
	ExpectedBucketOwner string
}

// Send writes an object for each account, Region and day that the findings are
// of. Its name follows from its findings: what is written again replaces itself.
func (t *S3) Send(ctx context.Context, events []publish.Event) error {
	groups := map[string][]int{}
	var order []string
	for i := range events {
		f := events[i].Finding()
		if f == nil {
			continue
		}
		dir := path.Join(t.Prefix, "AWSLogs", f.AccountID, "GuardDuty", f.Region, exportDay(f.UpdatedAt, events[i].Time))
		if groups[dir] == nil {
			order = append(order, dir)
		}
		groups[dir] = append(groups[dir], i)
	}
	each := make(publish.Each, len(events))
	for _, dir := range order {
		if err := t.write(ctx, dir, events, groups[dir]); err != nil {
			fail(each, groups[dir], err)
		}
	}
	return result(each)
}

func (t *S3) write(ctx context.Context, dir string, events []publish.Event, group []int) error {
	var b bytes.Buffer
	zip := gzip.NewWriter(&b)
	name := sha256.New()
	for _, i := range group {
		line, err := encode(events[i].Detail)
		if err != nil {
			return &publish.RefusedError{Reason: err.Error()}
		}
		if _, err := zip.Write(append(line, '\n')); err != nil {
			return err
		}
		name.Write([]byte(events[i].ID))
	}
	if err := zip.Close(); err != nil {
		return err
	}
	key := dir + "/" + objectName(name) + ".jsonl.gz"
	return t.Put(ctx, key, b.Bytes())
}

// objectName is the name of an object, which follows from what is in it.
func objectName(name hash.Hash) string {
	sum := hex.EncodeToString(name.Sum(nil)[:16])
	return fmt.Sprintf("%s-%s-%s-%s-%s", sum[:8], sum[8:12], sum[12:16], sum[16:20], sum[20:])
}

// Put writes one object of compressed lines.
func (t *S3) Put(ctx context.Context, key string, data []byte) error {
	return t.put(ctx, key, "application/gzip", data)
}

func (t *S3) put(ctx context.Context, key, contentType string, data []byte) error {
	in := &s3.PutObjectInput{Bucket: &t.Bucket, Key: &key, Body: bytes.NewReader(data), ContentType: aws.String(contentType)}
	if t.KMSKey != "" {
		in.ServerSideEncryption, in.SSEKMSKeyId = types.ServerSideEncryptionAwsKms, &t.KMSKey
	}
	if t.ExpectedBucketOwner != "" {
		in.ExpectedBucketOwner = &t.ExpectedBucketOwner
	}
	if _, err := t.Client.PutObject(ctx, in); err != nil {
		return fmt.Errorf("write to bucket %s: %w", t.Bucket, err)
	}
	return nil
}

// exportDay is the day of a finding, as folders.
func exportDay(updated string, or time.Time) string {
	at, err := time.Parse(time.RFC3339, updated)
	if err != nil {
		at = or
	}
	return at.UTC().Format("2006/01/02")
}
