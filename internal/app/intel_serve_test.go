package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/aws-sdk-go-v2/service/guardduty/types"
	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/testbed"
)

// user is somebody who manages lists of a running server with AWS's SDK.
type user struct {
	t      *testing.T
	client *guardduty.Client
	det    *string
}

func newUser(t *testing.T, a *App) *user {
	t.Helper()
	key, err := a.keys.Create(t.Context(), access.RoleAdmin, "test")
	if err != nil {
		t.Fatal(err)
	}
	u := &user{t: t, det: aws.String(finding.DetectorID(a.Config.Account, a.Config.Region))}
	u.client = guardduty.New(guardduty.Options{
		BaseEndpoint: aws.String("http://" + a.Addr), Region: a.Config.Region,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: key.ID, SecretAccessKey: key.Secret}, nil
		}),
	})
	if _, err := a.keys.store.Detector(t.Context(), *u.det); err != nil {
		if _, err := u.client.CreateDetector(t.Context(), &guardduty.CreateDetectorInput{Enable: aws.Bool(true)}); err != nil {
			t.Fatal(err)
		}
	}
	return u
}

// activated waits until a list is what was wished of it, which takes seconds.
func (u *user) activated(want string, status func() (string, *string, error)) {
	u.t.Helper()
	start := time.Now()
	until(u.t, "a list becomes "+want, func() bool {
		got, details, err := status()
		if err != nil || got == "ERROR" {
			u.t.Fatal(got, aws.ToString(details), err)
		}
		return got == want
	})
	u.t.Logf("%s after %s", want, time.Since(start).Round(time.Millisecond))
}

func (u *user) threats(name, location string) (id *string) {
	u.t.Helper()
	out, err := u.client.CreateThreatIntelSet(u.t.Context(), &guardduty.CreateThreatIntelSetInput{DetectorId: u.det, Name: &name, Format: types.ThreatIntelSetFormatTxt, Location: &location, Activate: aws.Bool(true)})
	if err != nil {
		u.t.Fatal(err)
	}
	u.want("ACTIVE", out.ThreatIntelSetId)
	return out.ThreatIntelSetId
}

func (u *user) want(status string, id *string) {
	u.t.Helper()
	u.activated(status, func() (string, *string, error) {
		out, err := u.client.GetThreatIntelSet(u.t.Context(), &guardduty.GetThreatIntelSetInput{DetectorId: u.det, ThreatIntelSetId: id})
		if err != nil {
			return "", nil, err
		}
		return string(out.Status), nil, nil
	})
}

func (u *user) entities(name, location string) {
	u.t.Helper()
	out, err := u.client.CreateThreatEntitySet(u.t.Context(), &guardduty.CreateThreatEntitySetInput{DetectorId: u.det, Name: &name, Format: types.ThreatEntitySetFormatTxt, Location: &location, Activate: aws.Bool(true)})
	if err != nil {
		u.t.Fatal(err)
	}
	u.activated("ACTIVE", func() (string, *string, error) {
		now, err := u.client.GetThreatEntitySet(u.t.Context(), &guardduty.GetThreatEntitySetInput{DetectorId: u.det, ThreatEntitySetId: out.ThreatEntitySetId})
		if err != nil {
			return "", nil, err
		}
		return string(now.Status), now.ErrorDetails, nil
	})
}

func (u *user) trusted(name, location string) (id *string) {
	u.t.Helper()
	out, err := u.client.CreateIPSet(u.t.Context(), &guardduty.CreateIPSetInput{DetectorId: u.det, Name: &name, Format: types.IpSetFormatTxt, Location: &location, Activate: aws.Bool(true)})
	if err != nil {
		u.t.Fatal(err)
	}
	u.wantTrusted("ACTIVE", out.IpSetId)
	return out.IpSetId
}

func (u *user) wantTrusted(status string, id *string) {
	u.t.Helper()
	u.activated(status, func() (string, *string, error) {
		out, err := u.client.GetIPSet(u.t.Context(), &guardduty.GetIPSetInput{DetectorId: u.det, IpSetId: id})
		if err != nil {
			return "", nil, err
		}
		return string(out.Status), nil, nil
	})
}

// pushTo pushes lines to a path of a server, and waits until they are judged.
func pushTo(t *testing.T, a *App, path, body string) {
	t.Helper()
	res, err := http.Post("http://"+a.Addr+"/ingest/"+path, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatal(path, res.Status)
	}
	settle(t, a)
}

// contact pushes, as the n-th actor, an audit record, a call and a flow that
// have to do with an address.
func contact(t *testing.T, a *App, n int, addr string) {
	t.Helper()
	at := begin.Add(time.Duration(n) * time.Hour)
	pushTo(t, a, "k8s-audit/prod", eventList([]string{strings.Replace(benign(fmt.Sprintf("user%d", n), n*3_600_000), "203.0.113.7", addr, 1)}))
	pushTo(t, a, "cloudtrail", callLine(n, addr, at))
	pushTo(t, a, "vpc-flow", flowLine(n, addr, at)+"\n")
}

// callLine is a call by the n-th user.
func callLine(n int, addr string, at time.Time) string {
	return fmt.Sprintf(`{"eventVersion":"1.08","userIdentity":{"type":"IAMUser","principalId":"AIDA%016d","arn":"arn:aws:iam::111122223333:user/u%[1]d","accountId":"111122223333",`+
		`"accessKeyId":"AKIA%016[1]d","userName":"u%[1]d"},"eventTime":%[2]q,"eventSource":"ec2.amazonaws.com","eventName":"DescribeInstances","awsRegion":"eu-central-1",`+
		`"sourceIPAddress":%[3]q,"userAgent":"aws-cli/2","requestParameters":null,"responseElements":null,"requestID":"r%[1]d","eventID":"%[4]x-0000-4000-8000-000000000000",`+
		`"readOnly":true,"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management"}`,
		n, at.UTC().Format(time.RFC3339), addr, at.Unix())
}

// ofList are the types, with the number of their findings, that name a list.
func ofList(t *testing.T, fs []*finding.Finding, name, sum string) map[string]int {
	t.Helper()
	out := map[string]int{}
	for _, f := range fs {
		if f.Service.Evidence == nil {
			continue
		}
		for _, d := range f.Service.Evidence.ThreatIntelligenceDetails {
			if d.ThreatListName != name {
				continue
			}
			out[f.Type]++
			if info := fmt.Sprint(f.Service.AdditionalInfo); !strings.Contains(info, sum) {
				t.Errorf("%s: the SHA-256 of the list is not in %s", f.Type, info)
			}
		}
	}
	return out
}

func sumOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// custom are the types that contact makes when the address is on a list of one's own.
func custom(n int) map[string]int {
	return map[string]int{
		"Discovery:Kubernetes/MaliciousIPCaller.Custom": n, "Recon:IAMUser/MaliciousIPCaller.Custom": n, "UnauthorizedAccess:EC2/MaliciousIPCaller.Custom": n,
	}
}

// TestListsOfARunningServer: lists that are made with AWS's SDK, from a bucket
// and from a file, are in force within seconds, for records of every source;
// what is trusted wins; what is deactivated is out of force.
func TestListsOfARunningServer(t *testing.T) {
	t.Parallel()
	s3 := testbed.S3(t)
	s3.Bucket("lists")
	for _, kind := range []string{"SQLite", "PostgreSQL"} {
		t.Run(kind, func(t *testing.T) {
			folder := t.TempDir()
			a := startApp(t, t.TempDir(), func(c *config.Config) {
				c.Intelligence.ListFolders = []string{folder}
				c.Intelligence.ListBuckets = config.Access{Region: testbed.AWSRegion, Endpoint: s3.Endpoint, PathStyle: true}
				if kind == "PostgreSQL" {
					c.Store.Postgres.URL = testbed.Postgres(t).URL("vedette")
				}
			})
			u := newUser(t, a)
			const bad, worse, fine = "198.51.100.7", "198.51.100.8", "198.51.100.0/29"
			contact(t, a, 1, bad) // of no list yet

			object, file := "# bad ones\n"+bad+"\n", worse+"\n"
			s3.Put("lists", "bad.txt", []byte(object), nil)
			id := u.threats("from a bucket", "s3://lists/bad.txt")
			write(t, filepath.Join(folder, "worse.txt"), file)
			u.entities("from a file", "file://"+filepath.ToSlash(folder)+"/worse.txt")
			contact(t, a, 2, bad)
			contact(t, a, 3, worse)
			contact(t, a, 4, "198.51.100.9") // their neighbour
			found := func() [2]map[string]int {
				fs := live(stored(t, a))
				return [2]map[string]int{ofList(t, fs, "from a bucket", sumOf(object)), ofList(t, fs, "from a file", sumOf(file))}
			}
			want := [2]map[string]int{custom(1), custom(1)}
			if d := cmp.Diff(want, found()); d != "" {
				t.Fatalf("with lists in force:\n%s", d)
			}

			write(t, filepath.Join(folder, "fine.txt"), fine+"\n") // of which .7 is, and .8 is not
			trust := u.trusted("fine", "file://"+filepath.ToSlash(folder)+"/fine.txt")
			contact(t, a, 5, bad)
			contact(t, a, 6, worse)
			want[1] = custom(2)
			if d := cmp.Diff(want, found()); d != "" {
				t.Errorf("with what is trusted:\n%s", d)
			}
			if _, err := u.client.UpdateIPSet(t.Context(), &guardduty.UpdateIPSetInput{DetectorId: u.det, IpSetId: trust, Activate: aws.Bool(false)}); err != nil {
				t.Fatal(err)
			}
			u.wantTrusted("INACTIVE", trust)
			contact(t, a, 7, bad)
			want[0] = custom(2)
			if d := cmp.Diff(want, found()); d != "" {
				t.Errorf("with nothing trusted any more:\n%s", d)
			}
			if _, err := u.client.UpdateThreatIntelSet(t.Context(), &guardduty.UpdateThreatIntelSetInput{DetectorId: u.det, ThreatIntelSetId: id, Activate: aws.Bool(false)}); err != nil {
				t.Fatal(err)
			}
			u.want("INACTIVE", id)
			contact(t, a, 8, bad)
			if d := cmp.Diff(want, found()); d != "" {
				t.Errorf("with a list that was deactivated:\n%s", d)
			}
		})
	}
}

// live are findings that are not about the past.
func live(fs []*finding.Finding) []*finding.Finding {
	return slices.DeleteFunc(slices.Clone(fs), func(f *finding.Finding) bool {
		return f.Service.AdditionalInfo != nil && strings.Contains(f.Service.AdditionalInfo.Value, "inRetrospect")
	})
}
