package api_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/aws-sdk-go-v2/service/guardduty/types"
)

// containerName is a field that GuardDuty knows in suppression rules alone.
const containerName = "resource.kubernetesDetails.kubernetesWorkloadDetails.containers.name"

func typeIs(values ...string) *types.FindingCriteria {
	return &types.FindingCriteria{Criterion: map[string]types.Condition{"type": {Equals: values}}}
}

func TestFilterLife(t *testing.T) {
	s := newService(t)
	c := s.enable()
	ctx, det := t.Context(), aws.String(detectorID())
	in := &guardduty.CreateFilterInput{
		DetectorId: det, Name: aws.String("known-dashboards.v1_a"), Description: aws.String("ours"), ClientToken: aws.String("tok"),
		FindingCriteria: typeIs("Policy:Kubernetes/ExposedDashboard"), Tags: map[string]string{"a": "b"},
	}
	if made := must(c.CreateFilter(ctx, in))(t); *made.Name != *in.Name {
		t.Errorf("created %q", *made.Name)
	}
	if again := must(c.CreateFilter(ctx, in))(t); *again.Name != *in.Name {
		t.Errorf("a retry with the same token gave %q", *again.Name)
	}
	in.ClientToken = nil
	_, err := c.CreateFilter(ctx, in)
	wantBad(t, err, "The request is rejected because a filter with the given name already exists.")

	get := func() *guardduty.GetFilterOutput {
		t.Helper()
		return must(c.GetFilter(ctx, &guardduty.GetFilterInput{DetectorId: det, FilterName: in.Name}))(t)
	}
	f := get()
	if f.Action != types.FilterActionNoop || aws.ToInt32(f.Rank) != 1 || *f.Description != "ours" || f.Tags["a"] != "b" ||
		!slices.Equal(f.FindingCriteria.Criterion["type"].Equals, []string{"Policy:Kubernetes/ExposedDashboard"}) {
		t.Errorf("filter %+v", f)
	}
	// The SDK at hand does not know these members yet.
	if text := s.raw("admin", "GET", "/detector/"+detectorID()+"/filter/"+*in.Name, "").text; !strings.Contains(text, `"version":1`) || !strings.Contains(text, `"createdAt":1`) {
		t.Errorf("version and createdAt are not in %s", text)
	}

	updated := must(c.UpdateFilter(ctx, &guardduty.UpdateFilterInput{
		DetectorId: det, FilterName: in.Name, Action: types.FilterActionArchive, Rank: aws.Int32(7),
		FindingCriteria: &types.FindingCriteria{Criterion: map[string]types.Condition{containerName: {Matches: []string{"*dashboard*"}}}},
	}))(t)
	if *updated.Name != *in.Name {
		t.Errorf("updated %q", *updated.Name)
	}
	if f = get(); f.Action != types.FilterActionArchive || *f.Rank != 7 || *f.Description != "ours" || len(f.FindingCriteria.Criterion) != 1 ||
		f.FindingCriteria.Criterion[containerName].Matches[0] != "*dashboard*" {
		t.Errorf("after the update %+v", f)
	}
	if text := s.raw("admin", "GET", "/detector/"+detectorID()+"/filter/"+*in.Name, "").text; !strings.Contains(text, `"version":2`) {
		t.Errorf("the version did not go up: %s", text)
	}
	_, err = c.UpdateFilter(ctx, &guardduty.UpdateFilterInput{DetectorId: det, FilterName: in.Name, Action: types.FilterActionNoop,
		FindingCriteria: &types.FindingCriteria{Criterion: map[string]types.Condition{"colour": {Matches: []string{"*"}}}}})
	if err == nil || !strings.Contains(err.Error(), "colour") {
		t.Errorf("criteria on an unknown field: %v", err)
	}
	if f = get(); f.Action != types.FilterActionArchive {
		t.Error("a refused update was stored")
	}

	must(c.DeleteFilter(ctx, &guardduty.DeleteFilterInput{DetectorId: det, FilterName: in.Name}))(t)
	_, err = c.GetFilter(ctx, &guardduty.GetFilterInput{DetectorId: det, FilterName: in.Name})
	wantBad(t, err, noResource)
	_, err = c.DeleteFilter(ctx, &guardduty.DeleteFilterInput{DetectorId: det, FilterName: in.Name})
	wantBad(t, err, noResource)
	_, err = c.UpdateFilter(ctx, &guardduty.UpdateFilterInput{DetectorId: det, FilterName: in.Name, Rank: aws.Int32(1)})
	wantBad(t, err, noResource)
	_, err = c.ListFilters(ctx, &guardduty.ListFiltersInput{DetectorId: aws.String("nobody")})
	wantBad(t, err, notOwned)
}

func TestFilterLimits(t *testing.T) {
	c := newService(t).enable()
	det := aws.String(detectorID())
	create := func(change func(*guardduty.CreateFilterInput)) error {
		in := &guardduty.CreateFilterInput{DetectorId: det, Name: aws.String("name"), FindingCriteria: typeIs("x")}
		change(in)
		_, err := c.CreateFilter(t.Context(), in)
		return err
	}
	for _, tc := range []struct {
		change  func(*guardduty.CreateFilterInput)
		message string
	}{
		{func(in *guardduty.CreateFilterInput) { in.Name = aws.String("ab") }, "name has an invalid value: must have 3 to 64 characters"},
		{func(in *guardduty.CreateFilterInput) { in.Name = aws.String("a b c") }, "name has an invalid value: may have letters"},
		{func(in *guardduty.CreateFilterInput) { in.Name = aws.String("abc\n") }, "name has an invalid value: may have letters"},
		{func(in *guardduty.CreateFilterInput) { in.Description = aws.String(strings.Repeat("x", 513)) }, "description has an invalid value"},
		{func(in *guardduty.CreateFilterInput) { in.Rank = aws.Int32(101) }, "rank has an invalid value: must be a whole number from 1 to 100"},
		{func(in *guardduty.CreateFilterInput) { in.Rank = aws.Int32(0) }, "rank has an invalid value"},
		{func(in *guardduty.CreateFilterInput) { in.Action = "HIDE" }, "action has an invalid value: must be one of NOOP, ARCHIVE"},
		{func(in *guardduty.CreateFilterInput) { in.FindingCriteria = &types.FindingCriteria{} }, "at least one field"},
		{func(in *guardduty.CreateFilterInput) { in.Tags = map[string]string{"aws:x": "y"} }, "tags has an invalid value: a tag's key may not begin with aws:"},
		{func(in *guardduty.CreateFilterInput) { in.DetectorId = aws.String("nobody") }, "is not owned by the current account"},
	} {
		if err := create(tc.change); err == nil || !strings.Contains(err.Error(), tc.message) {
			t.Errorf("error %v, want one with %q", err, tc.message)
		}
	}
}

func TestFilterPages(t *testing.T) {
	c := newService(t).enable()
	det := aws.String(detectorID())
	var want []string
	for i := range 100 { // ranks go down as names go up, so that the order shows
		name := fmt.Sprintf("filter-%03d", i)
		must(c.CreateFilter(t.Context(), &guardduty.CreateFilterInput{
			DetectorId: det, Name: aws.String(name), FindingCriteria: typeIs("x"), Rank: aws.Int32(int32(100 - i/2)),
		}))(t)
		want = append(want, name)
	}
	_, err := c.CreateFilter(t.Context(), &guardduty.CreateFilterInput{DetectorId: det, Name: aws.String("too-many"), FindingCriteria: typeIs("x")})
	wantBad(t, err, "The request is rejected because filter limit has exceeded.")

	var got []string
	p := guardduty.NewListFiltersPaginator(c, &guardduty.ListFiltersInput{DetectorId: det, MaxResults: aws.Int32(7)})
	for p.HasMorePages() {
		page := must(p.NextPage(t.Context()))(t)
		if len(page.FilterNames) > 7 {
			t.Errorf("a page of %d", len(page.FilterNames))
		}
		got = append(got, page.FilterNames...)
	}
	if got[0] != "filter-098" || got[1] != "filter-099" || got[99] != "filter-001" {
		t.Errorf("order by rank, then name: %v", got)
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("pages gave %d filters, some twice or never", len(got))
	}
	_, err = c.ListFilters(t.Context(), &guardduty.ListFiltersInput{DetectorId: det, NextToken: aws.String("%%%")})
	wantBad(t, err, "The request is rejected because the parameter nextToken has an invalid value: is not a token of this operation.")
	_, err = c.ListFilters(t.Context(), &guardduty.ListFiltersInput{DetectorId: det, MaxResults: aws.Int32(51)})
	wantBad(t, err, "The request is rejected because the parameter maxResults has an invalid value: must be a whole number from 1 to 50.")
}

// member is a text of an answer.
func member(t *testing.T, answer, name string) string {
	t.Helper()
	var m map[string]string
	if err := json.Unmarshal([]byte(answer), &m); err != nil || m[name] == "" {
		t.Fatalf("no %s in %s", name, answer)
	}
	return m[name]
}

func TestTags(t *testing.T) {
	s := newService(t)
	c := s.enable()
	ctx := t.Context()
	must(c.CreateFilter(ctx, &guardduty.CreateFilterInput{DetectorId: aws.String(detectorID()), Name: aws.String("mine"), FindingCriteria: typeIs("x")}))(t)
	detector := "arn:aws:guardduty:" + region + ":" + account + ":detector/" + detectorID()
	arns := []string{detector, detector + "/filter/mine"}
	for kind, id := range map[string]string{"ipset": "ipSetId", "threatintelset": "threatIntelSetId", "threatentityset": "threatEntitySetId", "trustedentityset": "trustedEntitySetId"} {
		r := s.raw("admin", "POST", "/detector/"+detectorID()+"/"+kind, `{"name":"mine","format":"TXT","location":"https://s3.amazonaws.com/lists/mine.txt","activate":false}`)
		arns = append(arns, detector+"/"+kind+"/"+member(t, r.text, id))
	}
	r := s.raw("admin", "POST", "/detector/"+detectorID()+"/publishingDestination", `{"destinationType":"S3","destinationProperties":{"destinationArn":"arn:aws:s3:::findings"},"tags":{"b/c":"x"}}`)
	destination := member(t, r.text, "destinationId")
	arns = append(arns, detector+"/publishingDestination/"+destination)
	for _, arn := range arns {
		must(c.TagResource(ctx, &guardduty.TagResourceInput{ResourceArn: aws.String(arn), Tags: map[string]string{"a": "1", "b/c": "2", "d": ""}}))(t)
		must(c.TagResource(ctx, &guardduty.TagResourceInput{ResourceArn: aws.String(arn), Tags: map[string]string{"a": "3"}}))(t)
		must(c.UntagResource(ctx, &guardduty.UntagResourceInput{ResourceArn: aws.String(arn), TagKeys: []string{"b/c", "unknown"}}))(t)
		got := must(c.ListTagsForResource(ctx, &guardduty.ListTagsForResourceInput{ResourceArn: aws.String(arn)}))(t).Tags
		if len(got) != 2 || got["a"] != "3" || got["d"] != "" {
			t.Errorf("%s has the tags %v", arn, got)
		}
	}
	if r := s.raw("admin", "POST", "/tags/"+detector, `{"tags":{"x":"y"}}`); r.status != 204 || r.text != "" {
		t.Errorf("a tag with the ARN's slashes as they are: %d %q", r.status, r.text)
	}
	if r := s.raw("admin", "GET", "/detector/"+detectorID()+"/publishingDestination/"+destination, ""); !strings.Contains(r.text, `"tags":{"a":"3","d":""}`) {
		t.Errorf("the destination with tags: %s", r.text)
	}
	if r := s.raw("admin", "GET", "/detector/"+detectorID()+"/filter/mine", ""); !strings.Contains(r.text, `"version":1`) {
		t.Errorf("tagging counted as an update: %s", r.text)
	}

	for arn, message := range map[string]string{
		"nonsense":            "The request is rejected because the parameter resourceArn has an invalid value: is not an ARN of this service.",
		"arn:aws:s3:::bucket": "The request is rejected because the parameter resourceArn has an invalid value: is not an ARN of this service.",
		strings.Replace(detector, account, "999999999999", 1):                                           notOwned,
		strings.Replace(detector, region, "us-east-1", 1):                                               notOwned,
		strings.Replace(detector, detectorID(), strings.Repeat("0", 32), 1):                             notOwned,
		detector + "/filter/nobody":                                                                     noResource,
		detector + "/ipset/x":                                                                           noResource,
		detector + "/filter/" + destination:                                                             noResource,
		detector + "/publishingDestination/x":                                                           noResource,
		detector + "/publishingDestination/":                                                            noResource,
		detector + "/publishingDestination/" + destination + "/x":                                       noResource,
		"arn:aws:guardduty:" + region + ":" + account + ":malware-protection-plan/0123456789abcdef0123": noResource,
		"arn:aws:guardduty:" + region + ":" + account + ":publisher/something":                          "The request is rejected because the parameter resourceArn has an invalid value: is not an ARN of a detector or of what belongs to one.",
	} {
		_, err := c.ListTagsForResource(ctx, &guardduty.ListTagsForResourceInput{ResourceArn: aws.String(arn)})
		wantBad(t, err, message)
		_, err = c.TagResource(ctx, &guardduty.TagResourceInput{ResourceArn: aws.String(arn), Tags: map[string]string{"a": "1"}})
		wantBad(t, err, message)
	}

	many := map[string]string{}
	for i := range 51 {
		many[fmt.Sprint("k", i)] = "v"
	}
	for _, tc := range []struct {
		tags   map[string]string
		reason string
	}{
		{many, "a resource may have at most 50 tags"},
		{map[string]string{"": "v"}, "a tag's key must have 1 to 128 characters"},
		{map[string]string{"a\x00": "v"}, "a tag's key may have letters, digits, spaces and + - = . , _ : / @ only"},
		{map[string]string{"AWS:a": "v"}, "a tag's key may not begin with aws:"},
		{map[string]string{"a": strings.Repeat("v", 257)}, "a tag's value may have at most 256 characters"},
	} {
		_, err := c.TagResource(ctx, &guardduty.TagResourceInput{ResourceArn: aws.String(detector), Tags: tc.tags})
		wantBad(t, err, "The request is rejected because the parameter tags has an invalid value: "+tc.reason+".")
	}
}
