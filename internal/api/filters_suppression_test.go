package api_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/aws-sdk-go-v2/service/guardduty/types"
)

// TestSuppressionTags: an expiry that cannot be read is refused wherever tags
// of a filter are set, and nowhere else.
func TestSuppressionTags(t *testing.T) {
	c := newService(t).enable()
	ctx, det := t.Context(), aws.String(detectorID())
	const wrong = `The request is rejected because the parameter tags has an invalid value: vedette:expires "soon" is neither a date such as 2026-12-31 nor a time such as 2026-12-31T18:00:00Z.`
	in := &guardduty.CreateFilterInput{
		DetectorId: det, Name: aws.String("known-scanner"), Action: types.FilterActionArchive, FindingCriteria: typeIs("x"),
		Tags: map[string]string{"vedette:owner": "team-a@example.org", "vedette:reason": "our own scanner", "vedette:expires": "soon"},
	}
	_, err := c.CreateFilter(ctx, in)
	wantBad(t, err, wrong)
	for name, good := range map[string]string{"a-day": "2026-12-31", "a-moment": "2026-12-31T18:00:00+01:00"} {
		in.Name, in.Tags["vedette:expires"] = &name, good
		must(c.CreateFilter(ctx, in))(t)
	}

	detector := "arn:aws:guardduty:" + region + ":" + account + ":detector/" + detectorID()
	filter := aws.String(detector + "/filter/a-moment")
	tag := func(arn *string, expires string) error {
		_, err := c.TagResource(ctx, &guardduty.TagResourceInput{ResourceArn: arn, Tags: map[string]string{"vedette:expires": expires}})
		return err
	}
	wantBad(t, tag(filter, "soon"), wrong)
	if got := must(c.ListTagsForResource(ctx, &guardduty.ListTagsForResourceInput{ResourceArn: filter}))(t).Tags; got["vedette:expires"] != "2026-12-31T18:00:00+01:00" || got["vedette:owner"] != "team-a@example.org" {
		t.Errorf("tags after one that was refused: %v", got)
	}
	if err := tag(filter, "2027-01-31"); err != nil {
		t.Error(err)
	}
	if err := tag(&detector, "soon"); err != nil {
		t.Errorf("a tag of a detector means nothing to us: %v", err)
	}
	must(c.UntagResource(ctx, &guardduty.UntagResourceInput{ResourceArn: filter, TagKeys: []string{"vedette:expires"}}))(t)
}
