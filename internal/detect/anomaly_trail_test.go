package detect

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
)

func TestPurposeOfCalls(t *testing.T) {
	for _, c := range []struct {
		service, name string
		reads         bool
		want          string
	}{
		{"ec2", "GetPasswordData", true, "CredentialAccess 15"},
		{"cloudtrail", "StopLogging", false, "DefenseEvasion 15"},
		{"iam", "ListAccessKeys", true, "Discovery 10"},
		{"s3", "PutBucketReplication", false, "Exfiltration 15"},
		{"rds", "RestoreDBInstanceFromDBSnapshot", false, "Exfiltration 15"},
		{"iam", "UpdateUser", false, "Impact 15"},
		{"sqs", "DeleteQueue", false, "Impact 10"},
		{"ecr", "GetAuthorizationToken", true, "InitialAccess 10"},
		{"lambda", "UpdateFunctionCode20150331v2", false, "Persistence 15"},
		{"iam", "AddUserToGroup", false, "PrivilegeEscalation 15"},
		{"kms", "GenerateDataKeyWithoutPlaintext", true, " 0"},
		{"sqs", "CreateQueue", false, " 0"},
	} {
		p := purposeOf(&event.Trail{Service: c.service + ".amazonaws.com", Name: c.name}, c.reads)
		if got := fmt.Sprint(p.tactic, " ", p.risk); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.service, c.name, got, c.want)
		}
	}
}

// TestAnomalyAPIsAreWhole: every row is of four columns, with a tactic of which
// there is a type, and no call stands in two rows of a service.
func TestAnomalyAPIsAreWhole(t *testing.T) {
	seen := map[string]bool{}
	for i, line := range strings.Split(strings.TrimSpace(anomalyAPIsTSV), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != 4 {
			t.Errorf("line %d has %d columns", i+1, len(f))
			continue
		}
		if _, ok := finding.Lookup(f[0] + ":IAMUser/AnomalousBehavior"); !ok && f[0] != "-" {
			t.Errorf("line %d: no type of the tactic %s", i+1, f[0])
		}
		for name := range strings.SplitSeq(f[3], " ") {
			if key := f[2] + " " + name; seen[key] {
				t.Errorf("line %d: %s is there twice", i+1, key)
			} else {
				seen[key] = true
			}
		}
	}
}

func TestAgentFamily(t *testing.T) {
	for agent, want := range map[string]string{
		"":                         "",
		"cloudtrail.amazonaws.com": "cloudtrail.amazonaws.com",
		"aws-cli/2.27.50 md/awscrt#0.26.1 ua/2.1 os/linux#6.8.0 lang/python#3.13.4":            "aws-cli Linux",
		"[aws-cli/1.16.1 Python/3.7 Linux/4.19-kali botocore/1.11]":                            "aws-cli Kali Linux",
		"APN/1.0 HashiCorp/1.0 Terraform/1.8.1 (+https://www.terraform.io) aws-sdk-go-v2/1.26": "Terraform",
		"Boto3/1.28.1 Python/3.10 Windows/10 Botocore/1.31":                                    "Boto3 Windows",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/126.0":                         "Mozilla macOS",
		"stratus-red-team_5c59eb79-6dac-405c-a4c4-e19aec03c111":                                "stratus-red-team",
	} {
		if got := agentFamily(agent); got != want {
			t.Errorf("%q: %q, want %q", agent, got, want)
		}
	}
	f := families{}
	for i := range 3 * maxFamilies {
		f.of(fmt.Sprint("tool-", i, "/1"))
	}
	if len(f) > maxFamilies {
		t.Errorf("%d families are remembered", len(f))
	}
}

func TestUnusualCallsText(t *testing.T) {
	m := unusualCalls{Calls: []unusualCall{{"ec2.amazonaws.com", "DescribeVpcs", "success"}, {"iam.amazonaws.com", "ListRoles", "AccessDenied"}, {"iam.amazonaws.com", "ListUsers", "success"}}}
	if got, want := m.text(), "ec2.amazonaws.com:[DescribeVpcs:success] , iam.amazonaws.com:[ListRoles:AccessDenied , ListUsers:success]"; got != want {
		t.Errorf("%s", got)
	}
}

// volumeOf feeds a row of volumes with days of so many objects of a size.
func volumeOf(m *objectVolume, first time.Time, days, objects int, size int64) (told int) {
	for d := range days {
		for i := range objects {
			at := first.AddDate(0, 0, d).Add(time.Duration(i) * time.Minute / 4)
			if _, due := m.add(moved{at: at, key: uint32(i), bytes: size}, "it"); due {
				told++
			}
		}
	}
	return told
}

func TestObjectVolume(t *testing.T) {
	start := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	var m objectVolume
	if told := volumeOf(&m, start, 9, 200, 1<<20); told != 0 {
		t.Fatal("ordinary days are told of")
	}
	b, err := m.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		objects int
		size    int64
		want    int
	}{
		"as ever": {200, 1 << 20, 0}, "five times as much": {1000, 1 << 20, 0}, "ten times the bytes": {200, 12 << 20, 1}, "ten times the objects": {2500, 100, 1},
	} {
		var again objectVolume
		if err := again.UnmarshalBinary(b); err != nil {
			t.Fatal(err)
		}
		if told := volumeOf(&again, start.AddDate(0, 0, 9), 1, c.objects, c.size); told != c.want {
			t.Errorf("%s: told of %d times, want %d", name, told, c.want)
		}
		if c.want > 0 { // what was told of is not usual the day after
			if told := volumeOf(&again, start.AddDate(0, 0, 10), 1, c.objects, c.size); told != 1 {
				t.Errorf("%s: the second day is told of %d times", name, told)
			}
		}
	}
	var young objectVolume
	if told := volumeOf(&young, start, 3, 3000, 1<<20); told != 0 {
		t.Error("a row without a past is told of")
	}
	for cut := range b {
		if err := new(objectVolume).UnmarshalBinary(b[:cut]); err == nil {
			t.Fatalf("%d of %d bytes were read as a row", cut, len(b))
		}
	}
}

func TestBurstOfObjects(t *testing.T) {
	start := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for usual, want := range map[int]int{50: 1, 300: 0} {
		var m objectVolume
		for d := range 9 {
			for i := range usual {
				m.add(moved{at: start.AddDate(0, 0, d).Add(time.Duration(i) * time.Second), key: uint32(i)}, "it")
			}
			for i := range 5000 { // of few objects, through the day
				m.add(moved{at: start.AddDate(0, 0, d).Add(time.Hour + time.Duration(i)*10*time.Second), key: uint32(i % 10)}, "it")
			}
		}
		told := 0
		for i := range 1300 {
			if x, due := m.add(moved{at: start.AddDate(0, 0, 9).Add(time.Duration(i) * 100 * time.Millisecond), key: mixOf(i)}, "it"); due {
				told++
				if !strings.Contains(x.why, "different objects in 10 minutes") {
					t.Error(x.why)
				}
			}
		}
		if told != want {
			t.Errorf("with %d usual, told of %d times, want %d", usual, told, want)
		}
	}
}

func mixOf(i int) uint32 { return uint32(mixSeed.string(fmt.Sprint(i)).sum()) }

func TestSentBytes(t *testing.T) {
	for in, want := range map[string]int64{
		`{"bytesTransferredOut":2711,"x":1}`: 2711, `{"bytesTransferredOut": 12.0}`: 12, `{}`: 0, ``: 0, `{"bytesTransferredOut":"x"}`: 0,
		`{"bytesTransferredOut":99999999999999999999999999}`: 9999999999999,
	} {
		if got := sentBytes([]byte(in)); got != want {
			t.Errorf("%s: %d, want %d", in, got, want)
		}
	}
}

// machineCall is a call of an instance with the role web.
func machineCall(at time.Time, id, addr, agent string) event.Event {
	return event.Event{
		Source: event.CloudTrail, Scope: event.Scope{Account: simAccountID, Region: "eu-central-1"}, Time: at, Raw: []byte(`{}`),
		Trail: &event.Trail{
			EventID: fmt.Sprint(id, at.UnixNano()), Name: "DescribeTags", Service: "ec2.amazonaws.com", EventType: "AwsApiCall", Category: "Management", Region: "eu-central-1",
			SourceIP: addr, UserAgent: agent, Recipient: simAccountID, ReadOnly: true, Management: true, Identity: simRole("/", "web", id), Time: at,
		},
	}
}

// TestNetworksOfARole: a network in which machines of a role were at home for
// days mutes the theft of credentials; one from which they are stolen never
// does, however long that goes on.
func TestNetworksOfARole(t *testing.T) {
	const machine, other, another, office, thief = "i-0123456789abcdef0", "i-0123456789abcdef1", "i-0123456789abcdef2", "203.0.113.40", "198.51.100.77"
	start := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	thefts := func(days int, last string) (n int) {
		e := New(Options{})
		var events []event.Event
		for d := range days {
			at := start.AddDate(0, 0, d)
			events = append(events,
				machineCall(at, machine, "192.0.2.10", simGo), machineCall(at.Add(time.Hour), other, office, simGo), machineCall(at.Add(2*time.Hour), another, "192.0.2.99", simGo),
				machineCall(at.Add(3*time.Hour), machine, thief, simBoto))
		}
		events = append(events, machineCall(start.AddDate(0, 0, days), machine, last, simBoto))
		for i := range events {
			for _, s := range e.Process(&event.Batch{Stream: "s", Events: events[i : i+1]}).Signals {
				if strings.Contains(s.Type, "CredentialExfiltration") && i == len(events)-1 {
					n++
				}
			}
		}
		return n
	}
	for _, c := range []struct {
		days int
		last string
		want int
	}{{1, "203.0.113.41", 1}, {6, "203.0.113.41", 0}, {6, thief, 1}, {6, "198.51.100.78", 1}, {6, "192.0.2.10", 0}} {
		if got := thefts(c.days, c.last); got != c.want {
			t.Errorf("after %d days a call from %s: %d thefts, want %d", c.days, c.last, got, c.want)
		}
	}
}

// TestPresenceAfterLogin: who works on from where the morning's login was, and
// logs in from the other side of the world half an hour later, is two people.
func TestPresenceAfterLogin(t *testing.T) {
	login := func(at time.Time, addr string) event.Event {
		ev := machineCall(at, "anna@example.com", addr, simBrowser)
		ev.Trail.Name, ev.Trail.Service, ev.Trail.EventType, ev.Trail.Response = "ConsoleLogin", "signin.amazonaws.com", "AwsConsoleSignIn", []byte(`{"ConsoleLogin":"Success"}`)
		return ev
	}
	start := time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC)
	for works, want := range map[bool]int{true: 1, false: 0} {
		events := []event.Event{login(start, "193.0.6.139")}
		for i := range 44 {
			if works {
				events = append(events, machineCall(start.Add(time.Duration(i+1)*20*time.Minute), "anna@example.com", "193.0.6.139", simBrowser))
			}
		}
		events = append(events, login(start.Add(15*time.Hour), "200.160.2.3"))
		n := 0
		for _, s := range New(Options{}).Process(&event.Batch{Stream: "s", Events: events}).Signals {
			if strings.HasSuffix(s.Type, "ConsoleLoginSuccess.B") {
				n++
			}
		}
		if n != want {
			t.Errorf("works on %v: %d findings, want %d", works, n, want)
		}
	}
}
