package api_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/aws-sdk-go-v2/service/guardduty/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/store"
)

const invalidValues = "The request is rejected because the one or more input parameters have invalid values."

// TestDestinations goes through the life of a publishing destination with the SDK.
func TestDestinations(t *testing.T) {
	s := newService(t)
	c, ctx, det := s.enable(), t.Context(), aws.String(detectorID())
	input := func() *guardduty.CreatePublishingDestinationInput {
		return &guardduty.CreatePublishingDestinationInput{
			DetectorId: det, DestinationType: types.DestinationTypeS3, ClientToken: aws.String("once"), Tags: map[string]string{"team": "red"},
			DestinationProperties: &types.DestinationProperties{
				DestinationArn: aws.String("arn:aws:s3:::findings/export"), KmsKeyArn: aws.String("arn:aws:kms:eu-central-1:111122223333:key/0a1b"),
			},
		}
	}
	made := must(c.CreatePublishingDestination(ctx, input()))(t)
	if again := must(c.CreatePublishingDestination(ctx, input()))(t); *again.DestinationId != *made.DestinationId {
		t.Errorf("a repeated call made another destination")
	}
	second := input()
	second.ClientToken = aws.String("twice")
	_, err := c.CreatePublishingDestination(ctx, second)
	wantBad(t, err, "The request is rejected because publishing destination limit has exceeded.")

	describe := func() *guardduty.DescribePublishingDestinationOutput {
		t.Helper()
		return must(c.DescribePublishingDestination(ctx, &guardduty.DescribePublishingDestinationInput{DetectorId: det, DestinationId: made.DestinationId}))(t)
	}
	d := describe()
	if d.Status != types.PublishingStatusPendingVerification || d.DestinationType != types.DestinationTypeS3 || d.Tags["team"] != "red" || *d.PublishingFailureStartTimestamp != 0 {
		t.Errorf("a new destination: %+v", d)
	}
	if *d.DestinationProperties.DestinationArn != "arn:aws:s3:::findings/export" || *d.DestinationProperties.KmsKeyArn == "" {
		t.Errorf("properties: %+v", d.DestinationProperties)
	}
	list := must(c.ListPublishingDestinations(ctx, &guardduty.ListPublishingDestinationsInput{DetectorId: det}))(t)
	want := []types.Destination{{DestinationId: made.DestinationId, DestinationType: types.DestinationTypeS3, Status: types.PublishingStatusPendingVerification}}
	if diff := cmp.Diff(want, list.Destinations, cmpopts.IgnoreUnexported(types.Destination{})); diff != "" {
		t.Error(diff)
	}
	// What became of it, and of another version of it.
	for _, version := range []int64{1, 7} {
		err := s.store.SettleDestination(ctx, *made.DestinationId, version, func(d *store.Destination) {
			d.Status, d.FailingSince = store.DestinationUnable, d.FailingSince.AddDate(2000, 0, 0)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if d := describe(); d.Status != types.PublishingStatusUnableToPublishFixDestinationProperty || *d.PublishingFailureStartTimestamp == 0 {
		t.Errorf("that cannot be written to: %+v", d)
	}
	_, err = c.UpdatePublishingDestination(ctx, &guardduty.UpdatePublishingDestinationInput{DetectorId: det, DestinationId: made.DestinationId,
		DestinationProperties: &types.DestinationProperties{DestinationArn: aws.String("arn:aws:s3:::elsewhere")}})
	if err != nil {
		t.Fatal(err)
	}
	if d := describe(); *d.DestinationProperties.DestinationArn != "arn:aws:s3:::elsewhere" || *d.DestinationProperties.KmsKeyArn == "" || d.Status != types.PublishingStatusPendingVerification {
		t.Errorf("after the update: %+v %+v", d, d.DestinationProperties)
	}
	if _, err := c.DeletePublishingDestination(ctx, &guardduty.DeletePublishingDestinationInput{DetectorId: det, DestinationId: made.DestinationId}); err != nil {
		t.Fatal(err)
	}
	_, err = c.DescribePublishingDestination(ctx, &guardduty.DescribePublishingDestinationInput{DetectorId: det, DestinationId: made.DestinationId})
	wantBad(t, err, invalidValues)
	_, err = c.DeletePublishingDestination(ctx, &guardduty.DeletePublishingDestinationInput{DetectorId: det, DestinationId: made.DestinationId})
	wantBad(t, err, invalidValues)
}

// TestDestinationFaults: what is wrong is named; nothing but a bucket can be a
// destination.
func TestDestinationFaults(t *testing.T) {
	s := newService(t)
	s.enable()
	path := "/detector/" + detectorID() + "/publishingDestination"
	param := func(text string) string { return "The request is rejected because the parameter " + text + "." }
	const arn = "destinationProperties.destinationArn has an invalid value: must be the ARN of an S3 bucket, with a prefix if wanted, such as arn:aws:s3:::bucket/prefix"
	for body, want := range map[string]string{
		`{}`:                       "The request is rejected because the required parameter destinationType is not specified.",
		`{"destinationType":"S3"}`: "The request is rejected because the required parameter destinationProperties is not specified.",
		`{"destinationType":"S3","destinationProperties":{}}`:                                                                                             "The request is rejected because the required parameter destinationProperties.destinationArn is not specified.",
		`{"destinationType":"SNS","destinationProperties":{"destinationArn":"arn:aws:s3:::bucket"}}`:                                                      param("destinationType has an invalid value: must be one of S3"),
		`{"destinationType":"S3","destinationProperties":{"destinationArn":"http://169.254.169.254/latest"}}`:                                             param(arn),
		`{"destinationType":"S3","destinationProperties":{"destinationArn":"arn:aws:s3:::bucket@127.0.0.1"}}`:                                             param(arn),
		`{"destinationType":"S3","destinationProperties":{"destinationArn":"arn:aws:s3:::bucket/a/../b"}}`:                                                param(arn),
		`{"destinationType":"S3","destinationProperties":{"destinationArn":"arn:aws:s3:::bucket/a\nb"}}`:                                                  param(arn),
		`{"destinationType":"S3","destinationProperties":{"destinationArn":"arn:aws:s3:::bucket","kmsKeyArn":"key"}}`:                                     param("destinationProperties.kmsKeyArn has an invalid value: must be the ARN of a KMS key"),
		`{"destinationType":"S3","destinationProperties":{"destinationArn":"arn:aws:s3:::bucket","expectedBucketOwner":"me"}}`:                            param("destinationProperties.expectedBucketOwner has an invalid value: must be an account id of 12 digits"),
		`{"destinationType":"S3","destinationProperties":{"destinationArn":"arn:aws:s3:::bucket"},"tags":{"aws:x":"y"}}`:                                  param("tags has an invalid value: a tag's key may not begin with aws:"),
		`{"destinationType":"S3","destinationProperties":{"destinationArn":"arn:aws:s3:::bucket"},"clientToken":` + "\"" + strings.Repeat("x", 65) + `"}`: param("clientToken has an invalid value: must have 0 to 64 characters"),
	} {
		if r := s.raw(access.RoleAdmin, "POST", path, body); r.status != 400 || r.message() != want {
			t.Errorf("%s: %d %q, want %q", body, r.status, r.message(), want)
		}
	}
	const notOwned = "The request is rejected because the input detectorId is not owned by the current account."
	const good = `{"destinationType":"S3","destinationProperties":{"destinationArn":"arn:aws:s3:::bucket"}}`
	if r := s.raw(access.RoleAdmin, "POST", "/detector/0123/publishingDestination", good); r.message() != notOwned {
		t.Errorf("of another's detector: %q", r.message())
	}
	if r := s.raw(access.RoleReadOnly, "POST", path, good); r.status != 403 {
		t.Errorf("by a reader: %d", r.status)
	}
	if r := s.raw(access.RoleAdmin, "POST", path+"/0123", `{"destinationProperties":{}}`); r.message() != invalidValues {
		t.Errorf("update of none: %q", r.message())
	}
}
