package api_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/smithy-go"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/api"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

func (s *service) auditLog(q store.AuditQuery) []store.AuditEntry {
	s.t.Helper()
	return must(s.store.Audit(s.t.Context(), q))(s.t)
}

// Every change leaves who, what and how it ended; what only reads leaves nothing.
func TestAuditLog(t *testing.T) {
	s := newService(t)
	before := time.Now().Add(-time.Second)
	admin := s.enable()
	must(admin.ListDetectors(t.Context(), nil))(t)
	_, err := s.client(access.RoleReadOnly).DeleteDetector(t.Context(), &guardduty.DeleteDetectorInput{DetectorId: idOf(account)})
	if err == nil {
		t.Fatal("a reader deleted the detector")
	}
	secret := `{"name":"feed","format":"TXT","location":"https://user:hunter2@example.com/x","activate":true,"clientToken":"tok"}`
	s.raw(access.RoleAdmin, "POST", "/detector/"+detectorID()+"/ipset", secret)

	log := s.auditLog(store.AuditQuery{})
	if len(log) != 3 {
		t.Fatalf("%d entries: %+v", len(log), log)
	}
	made, denied, set := log[2], log[1], log[0] // the newest first
	if made.Operation != "CreateDetector" || made.Actor != s.keys[access.RoleAdmin].ID || made.Role != "admin" || made.Account != account || made.Status != 200 || made.Code != "" {
		t.Errorf("the creation: %+v", made)
	}
	if made.At.Before(before) || made.Target != "/detector" || made.Request != `{"enable":true}` || made.Source != "127.0.0.1" || made.RequestID == "" {
		t.Errorf("the creation: %+v", made)
	}
	if denied.Operation != "DeleteDetector" || denied.Role != "read-only" || denied.Status != http.StatusForbidden || denied.Code != "AccessDeniedException" {
		t.Errorf("the refusal: %+v", denied)
	}
	if set.Status != http.StatusBadRequest || strings.Contains(set.Request, "hunter2") || strings.Contains(set.Request, "tok") || !strings.Contains(set.Request, "feed") {
		t.Errorf("the list: %+v", set)
	}
	if got := s.auditLog(store.AuditQuery{Operation: "deletedetector"}); len(got) != 1 {
		t.Errorf("%d deletions", len(got))
	}
	if got := s.auditLog(store.AuditQuery{Actor: made.Actor, Limit: 1}); len(got) != 1 || got[0].N != set.N {
		t.Errorf("the last of the admin's: %+v", got)
	}
}

// unaudited is a store whose audit log cannot be written.
type unaudited struct{ api.Store }

func (unaudited) BeginAudit(context.Context, store.AuditEntry) (int64, error) {
	return 0, errors.New("the disk is full")
}

// halfway is a store that loses the machine amid a change.
type halfway struct{ api.Store }

func (halfway) CreateDetector(context.Context, finding.Detector) error { panic("the power failed") }

// No change is without an entry: what cannot be noted is not done, and what
// did not come to an end shows that.
func TestNoChangeWithoutAnEntry(t *testing.T) {
	s := newServiceOver(t, func(st api.Store) api.Store { return unaudited{st} })
	if r := s.raw(access.RoleAdmin, "POST", "/detector", `{"enable":true}`); r.status != http.StatusInternalServerError {
		t.Errorf("%d %s", r.status, r.text)
	}
	if all := must(s.store.Detectors(t.Context()))(t); len(all) != 0 {
		t.Errorf("made without an entry: %v", all)
	}
	s = newServiceOver(t, func(st api.Store) api.Store { return halfway{st} })
	s.raw(access.RoleAdmin, "POST", "/detector", `{"enable":true}`)
	if log := s.auditLog(store.AuditQuery{}); len(log) != 1 || log[0].Status != 0 {
		t.Errorf("an open end: %+v", log)
	}
}

// Who calls too often waits, as with AWS, and nobody else does.
func TestRateLimit(t *testing.T) {
	now := time.Now()
	s := newServiceWith(t, func(o *api.Options) {
		o.RequestsPerSecond, o.Now = 5, func() time.Time { return now }
	})
	call := func(role access.Role) reply { return s.raw(role, "GET", "/detector", "") }
	for range 10 {
		if r := call(access.RoleAdmin); r.status != http.StatusOK {
			t.Fatalf("%d %s", r.status, r.text)
		}
	}
	r := call(access.RoleAdmin)
	if r.status != http.StatusTooManyRequests || r.header.Get("X-Amzn-Errortype") != "TooManyRequestsException" || r.header.Get("Retry-After") != "1" {
		t.Errorf("the eleventh call: %d %v %s", r.status, r.header, r.text)
	}
	_, err := s.client(access.RoleAdmin).ListDetectors(t.Context(), nil)
	var e smithy.APIError
	if !errors.As(err, &e) || e.ErrorCode() != "TooManyRequestsException" {
		t.Errorf("the SDK says %v", err)
	}
	if r := call(access.RoleAnalyst); r.status != http.StatusOK {
		t.Errorf("another key waits, too: %d", r.status)
	}
	now = now.Add(time.Second)
	for i := range 5 {
		if r := call(access.RoleAdmin); r.status != http.StatusOK {
			t.Errorf("call %d a second later: %d", i, r.status)
		}
	}
	if r := call(access.RoleAdmin); r.status != http.StatusTooManyRequests {
		t.Errorf("the sixth call in that second: %d", r.status)
	}
}

// A token says nothing, and is good for who got it and for what.
func TestTokens(t *testing.T) {
	s := newService(t)
	admin, ctx := s.enable(), t.Context()
	sampleAll(t, admin)
	first := must(admin.ListFindings(ctx, &guardduty.ListFindingsInput{DetectorId: idOf(account), MaxResults: aws.Int32(3)}))(t)
	token := aws.ToString(first.NextToken)
	again := must(admin.ListFindings(ctx, &guardduty.ListFindingsInput{DetectorId: idOf(account), MaxResults: aws.Int32(3)}))(t)
	if token == "" || token == aws.ToString(again.NextToken) || strings.Contains(token, first.FindingIds[2]) {
		t.Errorf("the tokens %q and %q", token, aws.ToString(again.NextToken))
	}
	next := must(admin.ListFindings(ctx, &guardduty.ListFindingsInput{DetectorId: idOf(account), MaxResults: aws.Int32(3), NextToken: &token}))(t)
	if len(next.FindingIds) != 3 || next.FindingIds[0] == first.FindingIds[0] {
		t.Errorf("the next page: %v after %v", next.FindingIds, first.FindingIds)
	}
	const refused = "The request is rejected because the parameter nextToken has an invalid value: is not a token of this query."
	changed := []byte(token)
	changed[len(changed)/2] ^= 1
	_, err := admin.ListFindings(ctx, &guardduty.ListFindingsInput{DetectorId: idOf(account), NextToken: aws.String(string(changed))})
	wantBad(t, err, refused)
	_, err = s.client(access.RoleReadOnly).ListFindings(ctx, &guardduty.ListFindingsInput{DetectorId: idOf(account), NextToken: &token})
	wantBad(t, err, refused)
	_, err = admin.ListCoverage(ctx, &guardduty.ListCoverageInput{DetectorId: idOf(account), NextToken: &token})
	wantBad(t, err, refused)
	_, err = admin.ListDetectors(ctx, &guardduty.ListDetectorsInput{NextToken: &token})
	wantBad(t, err, "The request is rejected because the parameter nextToken has an invalid value: is not a token of this operation.")
}

// A client whose clock is wrong is told so by the date of the answer, and the
// SDK then signs with ours.
func TestClockSkew(t *testing.T) {
	ahead := time.Now().Add(3 * time.Hour)
	s := newServiceWith(t, func(o *api.Options) { o.Now = func() time.Time { return ahead } })
	r := s.raw(access.RoleAdmin, "GET", "/detector", "")
	if r.status != http.StatusForbidden || r.header.Get("X-Amzn-Errortype") != "InvalidSignatureException" || !strings.HasPrefix(r.message(), "Signature expired: ") {
		t.Errorf("a clock three hours behind: %d %s", r.status, r.text)
	}
	if r.header.Get("Date") == "" {
		t.Error("the answer has no date by which a client could set its clock")
	}
}
