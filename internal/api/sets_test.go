package api_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/aws-sdk-go-v2/service/guardduty/types"
	"github.com/aws/smithy-go"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/store"
)

// set is what the SDK's four kinds of lists have in common.
type set struct {
	name, format, location, status, owner, details string
	tags                                           map[string]string
}

type settings struct {
	name, location, owner, token *string
	format                       string
	activate                     *bool
	tags                         map[string]string
}

// setCalls are the SDK's operations of one kind of list.
type setCalls struct {
	kind   store.ListKind
	id     string // as errors name it
	create func(context.Context, *guardduty.Client, string, settings) (string, error)
	get    func(context.Context, *guardduty.Client, string) (set, error)
	list   func(context.Context, *guardduty.Client, *int32, *string) ([]string, *string, error)
	update func(context.Context, *guardduty.Client, string, settings) error
	delete func(context.Context, *guardduty.Client, string) error
}

// calls are those of all four kinds. The SDK has types of their own for each.
func calls() []setCalls {
	det := aws.String(detectorID())
	return []setCalls{
		{store.IPSet, "ipSetId",
			func(ctx context.Context, c *guardduty.Client, det string, s settings) (string, error) {
				out, err := c.CreateIPSet(ctx, &guardduty.CreateIPSetInput{DetectorId: &det, Name: s.name, Format: types.IpSetFormat(s.format), Location: s.location, Activate: s.activate, ClientToken: s.token, ExpectedBucketOwner: s.owner, Tags: s.tags})
				if err != nil {
					return "", err
				}
				return *out.IpSetId, nil
			},
			func(ctx context.Context, c *guardduty.Client, id string) (set, error) {
				out, err := c.GetIPSet(ctx, &guardduty.GetIPSetInput{DetectorId: det, IpSetId: &id})
				if err != nil {
					return set{}, err
				}
				return set{*out.Name, string(out.Format), *out.Location, string(out.Status), aws.ToString(out.ExpectedBucketOwner), "", out.Tags}, nil
			},
			func(ctx context.Context, c *guardduty.Client, n *int32, after *string) ([]string, *string, error) {
				out, err := c.ListIPSets(ctx, &guardduty.ListIPSetsInput{DetectorId: det, MaxResults: n, NextToken: after})
				if err != nil {
					return nil, nil, err
				}
				return out.IpSetIds, out.NextToken, nil
			},
			func(ctx context.Context, c *guardduty.Client, id string, s settings) error {
				_, err := c.UpdateIPSet(ctx, &guardduty.UpdateIPSetInput{DetectorId: det, IpSetId: &id, Name: s.name, Location: s.location, Activate: s.activate, ExpectedBucketOwner: s.owner})
				return err
			},
			func(ctx context.Context, c *guardduty.Client, id string) error {
				_, err := c.DeleteIPSet(ctx, &guardduty.DeleteIPSetInput{DetectorId: det, IpSetId: &id})
				return err
			}},
		{store.ThreatIntelSet, "threatIntelSetId",
			func(ctx context.Context, c *guardduty.Client, det string, s settings) (string, error) {
				out, err := c.CreateThreatIntelSet(ctx, &guardduty.CreateThreatIntelSetInput{DetectorId: &det, Name: s.name, Format: types.ThreatIntelSetFormat(s.format), Location: s.location, Activate: s.activate, ClientToken: s.token, ExpectedBucketOwner: s.owner, Tags: s.tags})
				if err != nil {
					return "", err
				}
				return *out.ThreatIntelSetId, nil
			},
			func(ctx context.Context, c *guardduty.Client, id string) (set, error) {
				out, err := c.GetThreatIntelSet(ctx, &guardduty.GetThreatIntelSetInput{DetectorId: det, ThreatIntelSetId: &id})
				if err != nil {
					return set{}, err
				}
				return set{*out.Name, string(out.Format), *out.Location, string(out.Status), aws.ToString(out.ExpectedBucketOwner), "", out.Tags}, nil
			},
			func(ctx context.Context, c *guardduty.Client, n *int32, after *string) ([]string, *string, error) {
				out, err := c.ListThreatIntelSets(ctx, &guardduty.ListThreatIntelSetsInput{DetectorId: det, MaxResults: n, NextToken: after})
				if err != nil {
					return nil, nil, err
				}
				return out.ThreatIntelSetIds, out.NextToken, nil
			},
			func(ctx context.Context, c *guardduty.Client, id string, s settings) error {
				_, err := c.UpdateThreatIntelSet(ctx, &guardduty.UpdateThreatIntelSetInput{DetectorId: det, ThreatIntelSetId: &id, Name: s.name, Location: s.location, Activate: s.activate, ExpectedBucketOwner: s.owner})
				return err
			},
			func(ctx context.Context, c *guardduty.Client, id string) error {
				_, err := c.DeleteThreatIntelSet(ctx, &guardduty.DeleteThreatIntelSetInput{DetectorId: det, ThreatIntelSetId: &id})
				return err
			}},
		{store.TrustedEntitySet, "trustedEntitySetId",
			func(ctx context.Context, c *guardduty.Client, det string, s settings) (string, error) {
				out, err := c.CreateTrustedEntitySet(ctx, &guardduty.CreateTrustedEntitySetInput{DetectorId: &det, Name: s.name, Format: types.TrustedEntitySetFormat(s.format), Location: s.location, Activate: s.activate, ClientToken: s.token, ExpectedBucketOwner: s.owner, Tags: s.tags})
				if err != nil {
					return "", err
				}
				return *out.TrustedEntitySetId, nil
			},
			func(ctx context.Context, c *guardduty.Client, id string) (set, error) {
				out, err := c.GetTrustedEntitySet(ctx, &guardduty.GetTrustedEntitySetInput{DetectorId: det, TrustedEntitySetId: &id})
				if err != nil {
					return set{}, err
				}
				if out.CreatedAt.IsZero() || out.UpdatedAt.Before(*out.CreatedAt) {
					return set{}, fmt.Errorf("created at %v, updated at %v", out.CreatedAt, out.UpdatedAt)
				}
				return set{*out.Name, string(out.Format), *out.Location, string(out.Status), aws.ToString(out.ExpectedBucketOwner), aws.ToString(out.ErrorDetails), out.Tags}, nil
			},
			func(ctx context.Context, c *guardduty.Client, n *int32, after *string) ([]string, *string, error) {
				out, err := c.ListTrustedEntitySets(ctx, &guardduty.ListTrustedEntitySetsInput{DetectorId: det, MaxResults: n, NextToken: after})
				if err != nil {
					return nil, nil, err
				}
				return out.TrustedEntitySetIds, out.NextToken, nil
			},
			func(ctx context.Context, c *guardduty.Client, id string, s settings) error {
				_, err := c.UpdateTrustedEntitySet(ctx, &guardduty.UpdateTrustedEntitySetInput{DetectorId: det, TrustedEntitySetId: &id, Name: s.name, Location: s.location, Activate: s.activate, ExpectedBucketOwner: s.owner})
				return err
			},
			func(ctx context.Context, c *guardduty.Client, id string) error {
				_, err := c.DeleteTrustedEntitySet(ctx, &guardduty.DeleteTrustedEntitySetInput{DetectorId: det, TrustedEntitySetId: &id})
				return err
			}},
		{store.ThreatEntitySet, "threatEntitySetId",
			func(ctx context.Context, c *guardduty.Client, det string, s settings) (string, error) {
				out, err := c.CreateThreatEntitySet(ctx, &guardduty.CreateThreatEntitySetInput{DetectorId: &det, Name: s.name, Format: types.ThreatEntitySetFormat(s.format), Location: s.location, Activate: s.activate, ClientToken: s.token, ExpectedBucketOwner: s.owner, Tags: s.tags})
				if err != nil {
					return "", err
				}
				return *out.ThreatEntitySetId, nil
			},
			func(ctx context.Context, c *guardduty.Client, id string) (set, error) {
				out, err := c.GetThreatEntitySet(ctx, &guardduty.GetThreatEntitySetInput{DetectorId: det, ThreatEntitySetId: &id})
				if err != nil {
					return set{}, err
				}
				return set{*out.Name, string(out.Format), *out.Location, string(out.Status), aws.ToString(out.ExpectedBucketOwner), aws.ToString(out.ErrorDetails), out.Tags}, nil
			},
			func(ctx context.Context, c *guardduty.Client, n *int32, after *string) ([]string, *string, error) {
				out, err := c.ListThreatEntitySets(ctx, &guardduty.ListThreatEntitySetsInput{DetectorId: det, MaxResults: n, NextToken: after})
				if err != nil {
					return nil, nil, err
				}
				return out.ThreatEntitySetIds, out.NextToken, nil
			},
			func(ctx context.Context, c *guardduty.Client, id string, s settings) error {
				_, err := c.UpdateThreatEntitySet(ctx, &guardduty.UpdateThreatEntitySetInput{DetectorId: det, ThreatEntitySetId: &id, Name: s.name, Location: s.location, Activate: s.activate, ExpectedBucketOwner: s.owner})
				return err
			},
			func(ctx context.Context, c *guardduty.Client, id string) error {
				_, err := c.DeleteThreatEntitySet(ctx, &guardduty.DeleteThreatEntitySetInput{DetectorId: det, ThreatEntitySetId: &id})
				return err
			}},
	}
}

// ofAll runs a test on each kind of list, on a fresh service each.
func ofAll(t *testing.T, run func(t *testing.T, s *service, c *guardduty.Client, k setCalls)) {
	for _, k := range calls() {
		t.Run(string(k.kind), func(t *testing.T) {
			s := newService(t)
			run(t, s, s.enable(), k)
		})
	}
}

func plain(name string, activate bool) settings {
	return settings{name: &name, format: "TXT", location: aws.String("s3://lists/bad.txt"), activate: &activate}
}

// settle plays who carries out what was wished of a list.
func (s *service) settle(k setCalls, id string, o store.ListOutcome) {
	s.t.Helper()
	l, err := s.store.ListOf(s.t.Context(), detectorID(), k.kind, id)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, ok, err := s.store.SettleList(s.t.Context(), l, o); err != nil || !ok {
		s.t.Fatal(ok, err)
	}
}

func (s *service) active(k setCalls, id string) {
	s.t.Helper()
	s.settle(k, id, store.ListOutcome{Status: store.ListActive, Content: &store.ListContent{SHA256: id, Entries: 1, Data: []byte("x")}})
}

func TestSetLife(t *testing.T) {
	ofAll(t, func(t *testing.T, s *service, c *guardduty.Client, k setCalls) {
		ctx := t.Context()
		if ids, next, err := k.list(ctx, c, nil, nil); err != nil || len(ids) > 0 || ids == nil || next != nil {
			t.Errorf("lists %v, next %v, %v", ids, next, err)
		}
		in := plain("my list-1_A", false)
		in.owner, in.tags = aws.String("444455556666"), map[string]string{"a": "b"}
		id := must(k.create(ctx, c, detectorID(), in))(t)
		if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(id) {
			t.Errorf("id %q", id)
		}
		got := must(k.get(ctx, c, id))(t)
		want := set{"my list-1_A", "TXT", "s3://lists/bad.txt", "INACTIVE", "444455556666", "", map[string]string{"a": "b"}}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("made %v, want %v", got, want)
		}
		if ids, _, err := k.list(ctx, c, nil, nil); err != nil || !slices.Equal(ids, []string{id}) {
			t.Errorf("lists %v, %v", ids, err)
		}

		status := func() string { return must(k.get(ctx, c, id))(t).status }
		on, off := settings{activate: aws.Bool(true)}, settings{activate: aws.Bool(false)}
		step := func(what string, in settings, want string) {
			t.Helper()
			must(0, k.update(ctx, c, id, in))(t)
			if got := status(); got != want {
				t.Errorf("%s: %s, want %s", what, got, want)
			}
		}
		step("deactivate what is not active", off, "INACTIVE")
		step("move what is not active", settings{location: aws.String("https://s3.eu-west-1.amazonaws.com/lists/k")}, "INACTIVE")
		step("activate", on, "ACTIVATING")
		s.active(k, id)
		step("rename", settings{name: aws.String("renamed")}, "ACTIVE")
		step("the same place", settings{location: aws.String("https://s3.eu-west-1.amazonaws.com/lists/k")}, "ACTIVE")
		step("move", settings{location: aws.String("https://lists.example.org/bad.txt")}, "ACTIVATING")
		s.active(k, id)
		step("of another owner", settings{owner: aws.String("777788889999")}, "ACTIVATING")
		s.active(k, id)
		step("activate again, to have it read again", on, "ACTIVATING")
		step("deactivate before that is done", off, "DEACTIVATING")
		s.settle(k, id, store.ListOutcome{Status: store.ListInactive, Drop: true})
		step("activate", on, "ACTIVATING")
		s.settle(k, id, store.ListOutcome{Status: store.ListError, ErrorDetails: "there is no such object"})
		if got := must(k.get(ctx, c, id))(t); got.status != "ERROR" || got.name != "renamed" || got.location != "https://lists.example.org/bad.txt" || got.owner != "777788889999" {
			t.Errorf("after all that %+v", got)
		}
		// The SDK has no member for it where GuardDuty has none yet.
		if r := s.raw(access.RoleReadOnly, "GET", "/detector/"+detectorID()+"/"+string(k.kind)+"/"+id, ""); !strings.Contains(r.text, `"errorDetails":"there is no such object"`) {
			t.Errorf("no reason: %s", r.text)
		}
		step("move what failed", settings{location: aws.String("s3://lists/right.txt")}, "ACTIVATING")

		must(0, k.delete(ctx, c, id))(t)
		if status() != "DELETE_PENDING" {
			t.Errorf("deleted: %s", status())
		}
		invalid := "The request is rejected because an invalid " + k.id + " is specified."
		wantBad(t, k.delete(ctx, c, id), invalid)
		wantBad(t, k.update(ctx, c, id, on), invalid)
		s.settle(k, id, store.ListOutcome{Status: store.ListDeleted, Drop: true})
		if status() != "DELETED" {
			t.Errorf("deleted: %s", status())
		}
		if ids, _, err := k.list(ctx, c, nil, nil); err != nil || len(ids) > 0 {
			t.Errorf("lists %v, %v", ids, err)
		}
		_, err := k.get(ctx, c, "0cb0141ab9fbde177613ab9436212e90")
		wantBad(t, err, invalid)
		wantBad(t, k.update(ctx, c, "nobody", on), invalid)
		wantBad(t, k.delete(ctx, c, "nobody"), invalid)
		_, err = k.create(ctx, c, "nobody", plain("a", false))
		wantBad(t, err, notOwned)
	})
}

// quota is how many lists of a kind there may be.
func (k setCalls) quota() int {
	if k.kind == store.IPSet || k.kind == store.TrustedEntitySet {
		return 1
	}
	return 6
}

func TestSetLimits(t *testing.T) {
	ofAll(t, func(t *testing.T, s *service, c *guardduty.Client, k setCalls) {
		ctx := t.Context()
		// All at once, of which as many as allowed get through, a retried one once.
		var mu sync.Mutex
		var made []string
		var refused int
		var all sync.WaitGroup
		for i := range 10 {
			all.Go(func() {
				in := plain(fmt.Sprint("list ", i), false)
				in.token = aws.String(fmt.Sprint("token", i))
				id, err := k.create(ctx, c, detectorID(), in)
				again, err2 := k.create(ctx, c, detectorID(), in)
				mu.Lock()
				defer mu.Unlock()
				if err == nil && (err2 != nil || again != id) {
					t.Errorf("a retry gave %q, %v; want %q", again, err2, id)
				}
				if err != nil {
					refused++
					wantBad(t, err, "The request is rejected because "+strings.TrimSuffix(k.id, "Id")+" limit has exceeded.")
					return
				}
				made = append(made, id)
			})
		}
		all.Wait()
		if len(made) != k.quota() || refused != 10-k.quota() {
			t.Errorf("%d lists were made and %d refused, the quota is %d", len(made), refused, k.quota())
		}

		slices.Sort(made)
		var got []string
		for after := (*string)(nil); ; {
			ids, next, err := k.list(ctx, c, aws.Int32(4), after)
			if err != nil || len(ids) > 4 {
				t.Fatalf("a page of %d, %v", len(ids), err)
			}
			got = append(got, ids...)
			if after = next; after == nil {
				break
			}
		}
		if !slices.Equal(got, made) {
			t.Errorf("pages gave %v, want %v", got, made)
		}
		_, _, err := k.list(ctx, c, aws.Int32(51), nil)
		wantBad(t, err, "The request is rejected because the parameter maxResults has an invalid value: must be a whole number from 1 to 50.")

		must(0, k.delete(ctx, c, made[0]))(t) // makes room at once
		must(k.create(ctx, c, detectorID(), plain("one more", false)))(t)
	})
}

func TestSetNames(t *testing.T) {
	ofAll(t, func(t *testing.T, s *service, c *guardduty.Client, k setCalls) {
		if k.quota() == 1 {
			t.Skip("there is but one of the kind")
		}
		ctx := t.Context()
		must(k.create(ctx, c, detectorID(), plain("first", false)))(t)
		other := must(k.create(ctx, c, detectorID(), plain("second", false)))(t)
		_, err := k.create(ctx, c, detectorID(), plain("first", false))
		err2 := k.update(ctx, c, other, settings{name: aws.String("first")})
		if k.kind == store.ThreatEntitySet { // GuardDuty asks it of IP lists only
			must(0, err)(t)
			must(0, err2)(t)
			return
		}
		taken := "The request is rejected because the parameter name has an invalid value: another list of the account has it."
		wantBad(t, err, taken)
		wantBad(t, err2, taken)
		must(0, k.update(ctx, c, other, settings{name: aws.String("second")}))(t)
	})
}

func TestSetFaults(t *testing.T) {
	ofAll(t, func(t *testing.T, s *service, c *guardduty.Client, k setCalls) {
		path := "/detector/" + detectorID() + "/" + string(k.kind)
		param := func(s string) string { return "The request is rejected because the parameter " + s + "." }
		for body, want := range map[string]string{
			`{}`:                          "The request is rejected because the required parameter name is not specified.",
			`{"name":1}`:                  "The request is rejected because the required parameter format is not specified.",
			`{"name":"a","format":"TXT"}`: "The request is rejected because the required parameter location is not specified.",
			`{"name":"a","format":"TXT","location":"s3://b/k"}`: "The request is rejected because the required parameter activate is not specified.",
		} {
			if r := s.raw(access.RoleAdmin, "POST", path, body); r.status != 400 || r.message() != want {
				t.Errorf("%s: %d %s, want %s", body, r.status, r.text, want)
			}
		}
		for _, tc := range []struct{ member, value, want string }{
			{"name", `""`, "name has an invalid value: must have 1 to 300 characters"},
			{"name", `"` + strings.Repeat("x", 301) + `"`, "name has an invalid value: must have 1 to 300 characters"},
			{"name", `"a/b"`, "name has an invalid value: may have letters, digits, spaces, '-' and '_' only"},
			{"name", `"a\n"`, "name has an invalid value: may have letters, digits, spaces, '-' and '_' only"},
			{"format", `"CSV"`, "format has an invalid value: must be one of TXT, STIX, OTX_CSV, ALIEN_VAULT, PROOF_POINT, FIRE_EYE"},
			{"location", `"lists/bad.txt"`, "location has an invalid value: must be s3://bucket/key, an https URL such as https://s3.amazonaws.com/bucket/key, or file:///path"},
			{"location", `"http://lists.example.org/bad.txt"`, "location has an invalid value: must be read by https: on its way by http anybody could change the list"},
			{"activate", `"true"`, "activate has an invalid value: must be true or false"},
			{"expectedBucketOwner", `"12345"`, "expectedBucketOwner has an invalid value: must be an account id of 12 digits"},
			{"clientToken", `"` + strings.Repeat("x", 65) + `"`, "clientToken has an invalid value: must have 0 to 64 characters"},
			{"tags", `{"aws:x":"y"}`, "tags has an invalid value: a tag's key may not begin with aws:"},
		} {
			members := map[string]string{"name": `"a"`, "format": `"TXT"`, "location": `"s3://bucket/key"`, "activate": "false", tc.member: tc.value}
			var b []string
			for name, value := range members {
				b = append(b, `"`+name+`":`+value)
			}
			if r := s.raw(access.RoleAdmin, "POST", path, "{"+strings.Join(b, ",")+"}"); r.status != 400 || r.message() != param(tc.want) {
				t.Errorf("%s %s: %d %s", tc.member, tc.value, r.status, r.text)
			}
		}
		id := must(k.create(t.Context(), c, detectorID(), plain("a", false)))(t)
		wantBad(t, k.update(t.Context(), c, id, settings{name: aws.String("b"), location: aws.String("nowhere")}),
			param("location has an invalid value: must be s3://bucket/key, an https URL such as https://s3.amazonaws.com/bucket/key, or file:///path"))
		if got := must(k.get(t.Context(), c, id))(t); got.name != "a" {
			t.Error("a refused update was stored")
		}
	})
}

func TestSetTagsAndRoles(t *testing.T) {
	ofAll(t, func(t *testing.T, s *service, c *guardduty.Client, k setCalls) {
		ctx := t.Context()
		id := must(k.create(ctx, c, detectorID(), plain("a", true)))(t)
		s.active(k, id)
		arn := aws.String("arn:aws:guardduty:" + region + ":" + account + ":detector/" + detectorID() + "/" + string(k.kind) + "/" + id)
		must(c.TagResource(ctx, &guardduty.TagResourceInput{ResourceArn: arn, Tags: map[string]string{"a": "1", "b": "2"}}))(t)
		must(c.UntagResource(ctx, &guardduty.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"b"}}))(t)
		tags := must(c.ListTagsForResource(ctx, &guardduty.ListTagsForResourceInput{ResourceArn: arn}))(t).Tags
		if got := must(k.get(ctx, c, id))(t); len(tags) != 1 || tags["a"] != "1" || got.tags["a"] != "1" || got.status != "ACTIVE" {
			t.Errorf("tags %v, list %+v", tags, got)
		}

		denied := func(err error) bool {
			var e smithy.APIError
			return errors.As(err, &e) && e.ErrorCode() == "AccessDeniedException"
		}
		for role, may := range map[access.Role]bool{access.RoleAdmin: true, access.RoleAnalyst: true, access.RoleReadOnly: true, access.RoleIngest: false} {
			_, err := k.get(ctx, s.client(role), id)
			if _, _, err2 := k.list(ctx, s.client(role), nil, nil); denied(err) == may || denied(err2) == may {
				t.Errorf("%s reads: %v, %v", role, err, err2)
			}
		}
		for _, role := range []access.Role{access.RoleAnalyst, access.RoleReadOnly, access.RoleIngest} {
			_, err := k.create(ctx, s.client(role), detectorID(), plain("b", false))
			if !denied(err) || !denied(k.update(ctx, s.client(role), id, settings{activate: aws.Bool(false)})) || !denied(k.delete(ctx, s.client(role), id)) {
				t.Errorf("%s manages lists: %v", role, err)
			}
		}

		must(0, k.delete(ctx, c, id))(t)
		_, err := c.TagResource(ctx, &guardduty.TagResourceInput{ResourceArn: arn, Tags: map[string]string{"c": "3"}})
		wantBad(t, err, noResource)
		_, err = c.ListTagsForResource(ctx, &guardduty.ListTagsForResourceInput{ResourceArn: arn})
		wantBad(t, err, noResource)
	})
}

// The user guide's commands, as far as Debian's CLI knows them: its version has
// no entity sets yet.
func TestSetsAWSCLI(t *testing.T) {
	if testing.Short() {
		t.Skip("the AWS CLI takes two seconds a call")
	}
	if _, err := os.Stat(awsCLI()); err != nil {
		missingTool{awsCLI(), "apt-get install -y awscli"}.skip(t)
	}
	s := newService(t)
	s.enable()
	for _, k := range []struct {
		noun, id string
		calls    setCalls
	}{{"ip-set", "IpSetId", calls()[0]}, {"threat-intel-set", "ThreatIntelSetId", calls()[1]}} {
		run := func(command string, args ...string) map[string]any {
			t.Helper()
			v, fault := s.cli(t, append([]string{command, "--detector-id", detectorID()}, args...)...)
			if fault != "" {
				t.Fatalf("aws guardduty %s: %s", command, fault)
			}
			return v
		}
		id, _ := run("create-"+k.noun, "--name", "AnyOrganizationListEXAMPLE", "--format", "TXT", "--location",
			"https://s3.amazonaws.com/amzn-s3-demo-bucket/DOC-EXAMPLE-SOURCE-FILE.format", "--activate", "--tags", "a=b")[k.id].(string)
		if v := run("get-"+k.noun, "--"+k.noun+"-id", id); v["Status"] != "ACTIVATING" || v["Name"] != "AnyOrganizationListEXAMPLE" || v["Format"] != "TXT" {
			t.Errorf("get-%s printed %v", k.noun, v)
		}
		if got := ids(t, run("list-"+k.noun+"s"), k.id+"s"); !slices.Equal(got, []string{id}) {
			t.Errorf("list-%ss printed %v", k.noun, got)
		}
		s.active(k.calls, id)
		run("update-"+k.noun, "--"+k.noun+"-id", id, "--name", "AnyOrganization ListEXAMPLE", "--no-activate")
		if v := run("get-"+k.noun, "--"+k.noun+"-id", id); v["Status"] != "DEACTIVATING" || v["Name"] != "AnyOrganization ListEXAMPLE" {
			t.Errorf("get-%s printed %v", k.noun, v)
		}
		run("delete-"+k.noun, "--"+k.noun+"-id", id)
		_, fault := s.cli(t, "delete-"+k.noun, "--detector-id", detectorID(), "--"+k.noun+"-id", id)
		if !strings.Contains(fault, "(BadRequestException)") || !strings.Contains(fault, "is rejected because an invalid "+k.calls.id+" is specified.") {
			t.Errorf("a second delete-%s said %q", k.noun, fault)
		}
	}
}
