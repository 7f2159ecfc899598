package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/aws-sdk-go-v2/service/guardduty/types"
	"github.com/aws/smithy-go"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/api"
	"github.com/vedette-project/vedette/internal/finding"
)

// tableRow is a row of operations.tsv, read here a second time on purpose.
type tableRow struct{ name, method, path, status, right string }

func table(t *testing.T) []tableRow {
	t.Helper()
	b, err := os.ReadFile("operations.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var rows []tableRow
	for line := range strings.Lines(string(b)) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) == 5 && f[0] != "operation" {
			rows = append(rows, tableRow{f[0], f[1], f[2], f[3], f[4]})
		}
	}
	return rows
}

// target fills in the names of a path.
func (r tableRow) target() string {
	p := strings.ReplaceAll(r.path, "{DetectorId}", detectorID())
	p = strings.ReplaceAll(p, "{ResourceArn}", "arn%3Aaws%3Aguardduty%3A"+region+"%3A"+account+"%3Adetector%2F"+detectorID())
	return regexp.MustCompile(`\{\w+\}`).ReplaceAllString(p, "something")
}

// Every operation of the service is routed and has a handler: a call without
// anything in it succeeds, or is refused with one of the documented exceptions.
func TestEveryOperationAnswers(t *testing.T) {
	s := newService(t)
	s.enable()
	rows := table(t)
	if len(rows) != 103 {
		t.Errorf("%d operations, want 103", len(rows))
	}
	for _, row := range rows {
		if row.name == "DeleteDetector" { // would pull the rug away
			continue
		}
		r := s.raw(access.RoleAdmin, row.method, row.target(), "")
		if id := r.header.Get("X-Amzn-Requestid"); !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id) {
			t.Errorf("%s: request id %q", row.name, id)
		}
		code := map[int]string{http.StatusBadRequest: "BadRequestException", http.StatusNotFound: "ResourceNotFoundException"}[r.status]
		ok := row.status == strconv.Itoa(r.status) || code != "" && r.header.Get("X-Amzn-Errortype") == code
		if !ok || r.header.Get("Content-Type") != "application/json" && r.status != http.StatusNoContent {
			t.Errorf("%s: %d %v %s", row.name, r.status, r.header, r.text)
		}
		if strings.Contains(r.text, "is not supported yet") {
			t.Errorf("%s has no handler", row.name)
		}
	}
}

// A role may call an operation or is told its name and the operation's.
func TestRoles(t *testing.T) {
	s := newService(t)
	s.enable()
	for _, row := range table(t) {
		if row.right != string(access.RightRead) && row.right != string(access.RightTriage) && row.right != string(access.RightManage) {
			t.Errorf("%s needs the right %q, which there is not", row.name, row.right)
		}
		if row.name == "DeleteDetector" {
			continue
		}
		for _, role := range access.Roles() {
			r := s.raw(role, row.method, row.target(), "")
			if role.May(access.Right(row.right)) {
				if r.status == http.StatusForbidden {
					t.Errorf("%s may not %s: %s", role, row.name, r.text)
				}
				continue
			}
			want := "The role " + string(role) + " is not authorized to perform: guardduty:" + row.name
			if r.status != http.StatusForbidden || r.header.Get("X-Amzn-Errortype") != "AccessDeniedException" || r.message() != want {
				t.Errorf("%s as %s: %d %s", row.name, role, r.status, r.text)
			}
		}
	}
}

// What each role is for, in a few words that do not come from the table.
func TestRolesThroughTheSDK(t *testing.T) {
	s := newService(t)
	admin := s.enable()
	sampleAll(t, admin, "Policy:Kubernetes/ExposedDashboard")
	ids := listAll(t, admin, guardduty.ListFindingsInput{})
	archive := func(role access.Role) error {
		_, err := s.client(role).ArchiveFindings(t.Context(), &guardduty.ArchiveFindingsInput{DetectorId: aws.String(detectorID()), FindingIds: ids})
		return err
	}
	code := func(err error) string {
		var e smithy.APIError
		if errors.As(err, &e) {
			return e.ErrorCode()
		}
		return ""
	}
	if err := archive(access.RoleAnalyst); err != nil {
		t.Error(err)
	}
	if err := archive(access.RoleReadOnly); code(err) != "AccessDeniedException" {
		t.Errorf("a reader archives: %v", err)
	}
	if ids := listAll(t, s.client(access.RoleReadOnly), guardduty.ListFindingsInput{}); len(ids) != 1 {
		t.Errorf("a reader lists %v", ids)
	}
	if _, err := s.client(access.RoleAnalyst).DeleteDetector(t.Context(), &guardduty.DeleteDetectorInput{DetectorId: aws.String(detectorID())}); code(err) != "AccessDeniedException" {
		t.Errorf("an analyst deletes the detector: %v", err)
	}
	if _, err := s.client(access.RoleIngest).ListDetectors(t.Context(), nil); code(err) != "AccessDeniedException" {
		t.Errorf("a pusher lists: %v", err)
	}
}

func TestAuthentication(t *testing.T) {
	s := newService(t)
	list := func(region string, k access.Key) smithy.APIError {
		_, err := clientFor(s.url, region, k).ListDetectors(t.Context(), nil)
		var e smithy.APIError
		if !errors.As(err, &e) {
			t.Errorf("no API error: %v", err)
			return &smithy.GenericAPIError{}
		}
		return e
	}
	good := s.keys[access.RoleAdmin]
	wrong, unknown := good, good
	wrong.Secret, unknown.ID = "wrong", "VDTAZZZZZZZZZZZZZZZZ"
	for want, e := range map[string]smithy.APIError{
		"InvalidSignatureException":   list(region, wrong),
		"UnrecognizedClientException": list(region, unknown),
	} {
		if e.ErrorCode() != want {
			t.Errorf("code %q, want %q", e.ErrorCode(), want)
		}
	}
	if e := list("us-east-1", good); e.ErrorCode() != "InvalidSignatureException" || !strings.Contains(e.ErrorMessage(), "valid region") {
		t.Errorf("another region: %v", e)
	}
	r, err := http.NewRequestWithContext(t.Context(), "GET", s.url+"/no/such/path", nil)
	if err != nil {
		t.Fatal(err)
	}
	got := s.send(r) // and a stranger learns nothing of which paths there are
	if got.status != http.StatusForbidden || got.header.Get("X-Amzn-Errortype") != "MissingAuthenticationTokenException" || got.header.Get("X-Amzn-Requestid") == "" {
		t.Errorf("no signature: %d %s", got.status, got.text)
	}
	if strings.Contains(s.log.String(), good.Secret) {
		t.Error("a secret is in the log")
	}
}

func TestUnknownOperations(t *testing.T) {
	s := newService(t)
	for _, target := range []string{"GET /", "GET /nonsense", "PATCH /detector", "HEAD /detector", "GET /detector/", "GET //detector", "GET /x/../detector", "GET /detector/a/b/c"} {
		method, path, _ := strings.Cut(target, " ")
		r := s.raw(access.RoleAdmin, method, path, "")
		if r.status != http.StatusNotFound || r.header.Get("X-Amzn-Errortype") != "UnknownOperationException" {
			t.Errorf("%s: %d %s", target, r.status, r.text)
		}
	}
}

// Wrong bodies are answered with the name of the member that is wrong.
func TestBodies(t *testing.T) {
	s := newService(t)
	detector := "/detector/" + detectorID()
	notAnObject := "The request is rejected because the body is not a JSON object."
	param := func(s string) string { return "The request is rejected because the parameter " + s + "." }
	for _, tc := range []struct{ target, body, want string }{
		{"/detector", ``, "The request is rejected because the required parameter enable is not specified."},
		{"/detector", `{"enable":null}`, "The request is rejected because the required parameter enable is not specified."},
		{"/detector", `{"Enable":true}`, "The request is rejected because the required parameter enable is not specified."},
		{"/detector", `[]`, notAnObject},
		{"/detector", `null`, notAnObject},
		{"/detector", `{"enable":true`, notAnObject},
		{"/detector", `{"enable":true} x`, notAnObject},
		{"/detector", "{\"enable\":\"\xff\"}", notAnObject},
		{"/detector", `{"enable":"true"}`, param("enable has an invalid value: must be true or false")},
		{"/detector", `{"enable":1}`, param("enable has an invalid value: must be true or false")},
		{"/detector", `{"enable":true,"clientToken":7}`, param("clientToken has an invalid value: must be a string")},
		{"/detector", `{"enable":true,"clientToken":"` + strings.Repeat("x", 65) + `"}`, param("clientToken has an invalid value: must have 0 to 64 characters")},
		{"/detector", `{"enable":true,"findingPublishingFrequency":"DAILY"}`, param("findingPublishingFrequency has an invalid value: must be one of FIFTEEN_MINUTES, ONE_HOUR, SIX_HOURS")},
		{"/detector", `{"enable":true,"features":{}}`, param("features has an invalid value: must be a list of objects")},
		{"/detector", `{"enable":true,"features":[7]}`, param("features has an invalid value: must be a list of objects")},
		{"/detector", `{"enable":true,"features":[{"name":7,"status":"ENABLED"}]}`, param("features[0].name has an invalid value: must be a string")},
		{"/detector", `{"enable":true,"dataSources":{"s3Logs":{"enable":"x"}}}`, param("dataSources.s3Logs.enable has an invalid value: must be true or false")},
		{"/detector", `{"enable":true,"tags":{"a":1}}`, param("tags.a has an invalid value: must be a string")},
		{"/detector", `{"enable":true,"tags":{"` + strings.Repeat("é", 5000) + `":1}}`, param("tags." + strings.Repeat("é", 97) + "… has an invalid value: must be a string")},
		{"/detector", `{"enable":true,"tags":["a"]}`, param("tags has an invalid value: must be an object")},
		{detector, `{"enable":"x"}`, notOwned}, // no detector yet: that comes first
	} {
		r := s.raw(access.RoleAdmin, "POST", tc.target, tc.body)
		if r.status != http.StatusBadRequest || r.message() != tc.want {
			t.Errorf("%s: %d %s", tc.body, r.status, r.text)
		}
		var body map[string]string
		if json.Unmarshal([]byte(r.text), &body) != nil || body["__type"] != "BadRequestException" || body["type"] == "" {
			t.Errorf("%s: body %s", tc.body, r.text)
		}
	}
	s.enable()
	for _, tc := range []struct{ target, body, want string }{
		{detector, `{"enable":"x"}`, param("enable has an invalid value: must be true or false")},
		{detector + "/findings", `{"maxResults":"5"}`, param("maxResults has an invalid value: must be a whole number from 1 to 50")},
		{detector + "/findings", `{"maxResults":5.5}`, param("maxResults has an invalid value: must be a whole number from 1 to 50")},
		{detector + "/findings", `{"findingCriteria":[]}`, param("findingCriteria has an invalid value: must be an object with the member criterion, an object of conditions by field")},
		{detector + "/findings", `{"sortCriteria":"x"}`, param("sortCriteria has an invalid value: must be an object")},
		{detector + "/findings", `{"sortCriteria":{"attributeName":"severity","orderBy":"UP"}}`, param("sortCriteria.orderBy has an invalid value: must be one of ASC, DESC")},
		{detector + "/findings/get", `{}`, "The request is rejected because the required parameter findingIds is not specified."},
		{detector + "/findings/get", `{"findingIds":"x"}`, param("findingIds has an invalid value: must be a list of strings")},
		{detector + "/findings/archive", `{"findingIds":["x",null]}`, param("findingIds[1] has an invalid value: must have 1 to 300 characters")},
		{detector + "/findings/feedback", `{"findingIds":[]}`, "The request is rejected because the required parameter feedback is not specified."},
		{detector + "/filter", `{}`, "The request is rejected because the required parameter name is not specified."},
		{detector + "/filter", `{"name":"abc"}`, "The request is rejected because the required parameter findingCriteria is not specified."},
	} {
		if r := s.raw(access.RoleAdmin, "POST", tc.target, tc.body); r.status != http.StatusBadRequest || r.message() != tc.want {
			t.Errorf("%s %s: %d %s", tc.target, tc.body, r.status, r.text)
		}
	}
	// Members that nobody knows are ignored, as AWS does it.
	if r := s.raw(access.RoleAdmin, "POST", detector+"/findings", `{"nonsense":{"a":[1]}}`); r.status != http.StatusOK || r.text != `{"findingIds":[]}` {
		t.Errorf("an unknown member: %d %s", r.status, r.text)
	}
	if r := s.raw(access.RoleAdmin, "POST", detector, `{"x":"`+strings.Repeat("x", 1<<20)+`"}`); r.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a body of more than 1 MiB: %d %s", r.status, r.text)
	}
}

// faulty lets one method of the real store fail.
type faulty struct {
	api.Store
	detectors func() ([]finding.Detector, error)
}

func (f faulty) Detectors(context.Context) ([]finding.Detector, error) { return f.detectors() }

// What breaks inside is logged in full and answered with nothing of it.
func TestFaultsStayInside(t *testing.T) {
	for name, detectors := range map[string]func() ([]finding.Detector, error){
		"error": func() ([]finding.Detector, error) { return nil, errors.New("sqlite: secret-path is locked") },
		"panic": func() ([]finding.Detector, error) { panic("secret-path") },
	} {
		s := newServiceOver(t, func(st api.Store) api.Store { return faulty{st, detectors} })
		_, err := s.client(access.RoleAdmin).ListDetectors(t.Context(), nil)
		var e *types.InternalServerErrorException
		if !errors.As(err, &e) || e.ErrorMessage() != "Internal server error." {
			t.Errorf("%s: %v", name, err)
		}
		r := s.raw(access.RoleAdmin, "GET", "/detector", "")
		if r.status != http.StatusInternalServerError || strings.Contains(r.text, "secret") || strings.Contains(r.text, "goroutine") {
			t.Errorf("%s: %d %s", name, r.status, r.text)
		}
		log := s.log.String()
		if !strings.Contains(log, "secret-path") || !strings.Contains(log, r.header.Get("X-Amzn-Requestid")) || !strings.Contains(log, `"level":"ERROR"`) {
			t.Errorf("%s: the log does not tell: %s", name, log)
		}
	}
}

// Every operation is described where its caller looks.
func TestEveryOperationIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range table(t) {
		if !strings.Contains(string(page), "| `"+row.name+"` | "+row.right+" | ") {
			t.Errorf("docs/api.md does not tell of %s, or of another right than %s", row.name, row.right)
		}
	}
}
