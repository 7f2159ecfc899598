package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/vedette-project/vedette/internal/api"
	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/store"
)

// ListBuckets makes the clients that read lists from buckets, with the access
// that is configured for them; region is where Vedette is.
func ListBuckets(access config.Access, region string) func(context.Context, string) (*s3.Client, error) {
	return func(ctx context.Context, of string) (*s3.Client, error) {
		cfg, err := awsConfig(ctx, &access, firstOf(of, access.Region, region), access.RoleARN)
		if err != nil {
			return nil, err
		}
		return newS3(cfg, &access), nil
	}
}

// atEndpoint reads a URL of the configured store as the object that it names.
func (l *Lists) atEndpoint(location string) (api.Location, bool) {
	if l.Endpoint == "" {
		return api.Location{}, false
	}
	e, err := url.Parse(l.Endpoint)
	u, err2 := url.Parse(location)
	if err != nil || err2 != nil || u.RawQuery != "" || !strings.EqualFold(u.Host, e.Host) {
		return api.Location{}, false
	}
	rest, ok := strings.CutPrefix(u.Path, path.Join("/", e.Path))
	bucket, key, _ := strings.Cut(strings.TrimPrefix(rest, "/"), "/")
	return api.Location{Bucket: bucket, Key: key}, ok && bucket != "" && key != ""
}

// owner is the account that a list's bucket must be of; nil if anybody's will do.
func (l *Lists) owner(li *store.List) *string {
	switch {
	case li.ExpectedBucketOwner != "":
		return &li.ExpectedBucketOwner
	case l.Account != "" && (li.Kind == store.TrustedEntitySet || li.Kind == store.ThreatEntitySet):
		return &l.Account
	}
	return nil
}

// openObject reads an object of a bucket.
func (l *Lists) openObject(ctx context.Context, li *store.List, at api.Location, mark string) (source, error) {
	client, err := l.S3(ctx, at.Region)
	if err != nil {
		return source{}, err
	}
	owner := l.owner(li)
	if mark != "" {
		head, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &at.Bucket, Key: &at.Key, ExpectedBucketOwner: owner})
		if err != nil {
			return source{}, objectFault(err, at, aws.ToString(owner))
		}
		if objectMark(head.ETag, head.LastModified) == mark {
			return source{}, errSame
		}
	}
	out, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &at.Bucket, Key: &at.Key, ExpectedBucketOwner: owner})
	if err != nil {
		return source{}, objectFault(err, at, aws.ToString(owner))
	}
	size := int64(-1)
	if out.ContentLength != nil {
		size = *out.ContentLength
	}
	return source{body: out.Body, size: size, mark: objectMark(out.ETag, out.LastModified)}, nil
}

func objectMark(tag *string, modified *time.Time) string {
	if modified == nil {
		return markOf(aws.ToString(tag), "")
	}
	return markOf(aws.ToString(tag), modified.UTC().Format(time.RFC3339))
}

// objectFault says what to do about an object that cannot be read.
func objectFault(err error, at api.Location, owner string) error {
	var call smithy.APIError
	var answer *awshttp.ResponseError
	code, status := "", 0
	if errors.As(err, &call) {
		code = call.ErrorCode()
	}
	if errors.As(err, &answer) {
		status = answer.HTTPStatusCode()
	}
	what := "s3://" + at.Bucket + "/" + at.Key
	switch {
	case code == "NoSuchBucket":
		return fmt.Errorf("read %s: there is no such bucket; see that its name is right (%w)", what, err)
	case status == http.StatusNotFound && slices.Contains([]string{"NoSuchKey", "NoSuchVersion", "NotFound", ""}, code):
		return fmt.Errorf("read %s: there is no such object; see that the location is right (%w)", what, err)
	case strings.Contains(err.Error(), "kms:") || strings.HasPrefix(code, "KMS"):
		return fmt.Errorf("read %s: it is encrypted; allow kms:Decrypt on its key to Vedette (%w)", what, err)
	case code == "InvalidAccessKeyId" || code == "SignatureDoesNotMatch" || strings.HasPrefix(code, "ExpiredToken"):
		return fmt.Errorf("read %s: the credentials are not valid (any more); see where Vedette takes them from (%w)", what, err)
	case status == http.StatusForbidden && owner != "":
		return fmt.Errorf("read %s: access is refused; the bucket must belong to the account %s (expectedBucketOwner), and allow s3:GetObject to Vedette (%w)", what, owner, err)
	case status == http.StatusForbidden:
		return fmt.Errorf("read %s: access is refused; allow s3:GetObject on arn:aws:s3:::%s/%s to Vedette (%w)", what, at.Bucket, at.Key, err)
	case status == http.StatusMovedPermanently || code == "AuthorizationHeaderMalformed" || code == "IllegalLocationConstraintException":
		return fmt.Errorf("read %s: the bucket is in another Region; write the location as https://s3.REGION.amazonaws.com/%s/%s (%w)", what, at.Bucket, at.Key, err)
	case strings.Contains(err.Error(), "get credentials") || strings.Contains(err.Error(), "refresh cached credentials"):
		return fmt.Errorf("read %s: there are no AWS credentials; give Vedette a role, a profile or AWS_ACCESS_KEY_ID (%w)", what, err)
	}
	return fmt.Errorf("read %s: %w", what, err)
}
