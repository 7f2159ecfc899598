package detect

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/event"
)

// simAttack are the calls of one attack, in order.
type simAttack struct {
	name  string
	calls []simHabit
}

func steps(name string, calls ...string) simAttack {
	a := simAttack{name: name}
	for _, c := range calls {
		f := strings.Fields(c)
		h := makes(1, f[0], f[1], f[2:]...)
		a.calls = append(a.calls, h)
	}
	return a
}

func simAttacks() []simAttack {
	return []simAttack{
		steps("look around", "sts GetCallerIdentity", "iam ListUsers", "iam ListRoles", "iam GetAccountAuthorizationDetails", "s3 ListBuckets", "ec2 DescribeInstances", "rds DescribeDBInstances"),
		steps("take secrets", "secretsmanager ListSecrets", "secretsmanager GetSecretValue shop/db", "secretsmanager GetSecretValue pay/stripe", "secretsmanager GetSecretValue mail/smtp", "secretsmanager BatchGetSecretValue"),
		steps("make an admin", "iam CreateUser support-sync", "iam AttachUserPolicy support-sync", "iam CreateAccessKey support-sync", "iam CreateLoginProfile support-sync"),
		steps("back door in a role", "iam ListRoles", "iam UpdateAssumeRolePolicy OrganizationAccountAccessRole", "iam AttachRolePolicy OrganizationAccountAccessRole"),
		steps("share a snapshot", "ec2 DescribeVolumes", "ec2 CreateSnapshot", "ec2 ModifySnapshotAttribute"),
		steps("share a database", "rds DescribeDBInstances", "rds CreateDBSnapshot pay", "rds ModifyDBSnapshotAttribute pay"),
		steps("stop the log", "cloudtrail DescribeTrails", "cloudtrail StopLogging", "guardduty ListDetectors", "guardduty DeleteDetector"),
		steps("mine", "ec2 DescribeImages", "ec2 CreateKeyPair", "ec2 AuthorizeSecurityGroupIngress", "ec2 RunInstances", "ec2 RunInstances"),
		steps("back door in a function", "lambda ListFunctions", "lambda AddPermission fn-0-api", "lambda UpdateFunctionCode fn-0-api"),
		steps("send mail", "ses GetSendQuota", "ses ListIdentities", "ses VerifyEmailIdentity", "ses UpdateAccountSendingEnabled"),
		steps("use models", "bedrock ListFoundationModels", "bedrock GetModelInvocationLoggingConfiguration", "bedrock PutUseCaseForModelAccess", "bedrock InvokeModel"),
		steps("log in by a token", "sts GetFederationToken", "signin GetSigninToken", "iam ListUsers"),
		steps("run commands", "ssm DescribeInstanceInformation", "ssm SendCommand AWS-RunShellScript", "ssm GetCommandInvocation"),
		steps("hold to ransom", "kms ListKeys", "kms PutKeyPolicy", "kms ScheduleKeyDeletion", "s3 PutBucketLifecycle data", "backup DeleteRecoveryPoint"),
		steps("destroy", "rds DeleteDBInstance shop", "s3 DeleteBucket data", "dynamodb DeleteTable app-00", "ec2 TerminateInstances"),
		steps("look for a way up", "iam GetUser", "iam ListAttachedUserPolicies", "iam ListGroupsForUser", "iam AttachUserPolicy", "iam PutUserPolicy", "iam CreatePolicyVersion"),
		steps("open the door", "ec2 DescribeSecurityGroups", "ec2 AuthorizeSecurityGroupIngress", "ec2-instance-connect SendSSHPublicKey"),
		steps("replicate a bucket", "s3 ListBuckets", "s3 GetBucketPolicy data", "s3 PutBucketReplication data", "s3 PutBucketPolicy data"),
	}
}

// recordedAttacks are attacks from CloudTrail files of a folder, one a file.
func recordedAttacks(t *testing.T, dir string) (out []simAttack) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var events []struct {
			EventName, EventSource, UserAgent string
			ReadOnly                          bool
		}
		if err := json.Unmarshal(b, &events); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		a := simAttack{name: filepath.Base(f)}
		for i := range events {
			e := events[len(events)-1-i] // they come newest first
			a.calls = append(a.calls, simHabit{service: strings.TrimSuffix(e.EventSource, ".amazonaws.com"), api: e.EventName, reads: e.ReadOnly})
		}
		out = append(out, a)
	}
	return out
}

// attackWays are how an attacker comes to make calls as somebody else.
var attackWays = []string{"from outside", "from inside", "insider"}

// attack makes the calls of an attack as a caller, marked by their event IDs.
func (l *simLog) attack(n int, a simAttack, way string, victim *simCaller, at time.Time) {
	addr, agent := fmt.Sprintf("%d.%d.9.9", 45+l.rnd.IntN(140), l.rnd.IntN(250)), []string{simBoto, "aws-cli/2.15.0 os/linux#6.6.9-kali", simGo, "Boto3/1.28 Windows/10"}[l.rnd.IntN(4)]
	if way != "from outside" {
		addr = victim.addrs[0]
	}
	if way == "insider" {
		agent = victim.agents[l.rnd.IntN(len(victim.agents))]
	}
	for i, h := range a.calls {
		h.denied = 0.2
		if way == "insider" {
			h.denied = 0
		}
		t := l.call(at.Add(time.Duration(i*20)*time.Second), victim.id, agent, addr, h)
		t.EventID = fmt.Sprintf("attack-%d-%d", n, i)
	}
}

// outcome of a measurement.
type simResult struct {
	attacks, found int
	byWay          map[string][2]int
	missed         []string
	benign         int // events of the days on which the models speak
	falseFindings  map[string]int
}

// measure runs days of an account with attacks in the second half.
func measure(seed uint64, days int, attacks []simAttack) simResult {
	rnd := rand.New(rand.NewPCG(seed, 7))
	l := &simLog{rnd: rnd, start: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)}
	callers := simCallers(rnd, days)
	res := simResult{byWay: map[string][2]int{}, falseFindings: map[string]int{}}
	var ways []string
	for day := range days {
		for _, c := range callers {
			l.live(c, day)
		}
		if day < 14 {
			continue
		}
		for range 11 {
			n, victim := len(ways), callers[rnd.IntN(len(callers))]
			if victim.arrives+5 > day {
				continue
			}
			way := attackWays[n%3]
			if way == "insider" && !victim.office {
				way = "from outside"
			}
			a := attacks[rnd.IntN(len(attacks))]
			ways = append(ways, way+"\x00"+a.name+" as "+victim.name)
			l.attack(n, a, way, victim, l.start.AddDate(0, 0, day).Add(time.Duration(rnd.Int64N(int64(23*time.Hour)))))
		}
	}
	slices.SortStableFunc(l.events, func(a, b event.Event) int { return a.Time.Compare(b.Time) })
	e, hit := New(Options{}), map[int]bool{}
	seen, hurt := map[string]bool{}, map[string]time.Time{}
	for chunk := range slices.Chunk(l.events, 1000) {
		for _, s := range e.Process(&event.Batch{Stream: "sim", Events: chunk}).Signals {
			if !strings.Contains(s.Type, "/AnomalousBehavior") {
				continue
			}
			if n, _ := 0, 0; strings.HasPrefix(s.Occurrence, "attack-") {
				fmt.Sscanf(s.Occurrence, "attack-%d-", &n)
				hit[n], hurt[s.Actor.PrincipalARN] = true, s.Time
				continue
			}
			key := s.Actor.PrincipalARN + " " + s.Time.Format("01-02")
			if s.Time.Sub(hurt[s.Actor.PrincipalARN]) < time.Hour { // a finding that is right goes on
				continue
			}
			if !seen[key] {
				seen[key] = true
				res.falseFindings[fmt.Sprintf("%s %s: %s", s.Type, key, s.Why)]++
			}
		}
	}
	for _, ev := range l.events {
		if !strings.HasPrefix(ev.Trail.EventID, "attack") && ev.Time.Sub(l.start) >= 7*24*time.Hour { // all days on which the models speak
			res.benign++
		}
	}
	for n, w := range ways {
		way, name, _ := strings.Cut(w, "\x00")
		c := res.byWay[way]
		c[1]++
		if res.attacks++; hit[n] {
			res.found++
			c[0]++
		} else {
			res.missed = append(res.missed, way+": "+name)
		}
		res.byWay[way] = c
	}
	return res
}

// TestAnomalousCallsQuality: the share of attacks that raise a finding, and the
// findings of ordinary life. VEDETTE_TRAIL_ATTACKS names a folder of recorded
// attacks to measure by, one CloudTrail file each, in place of those made up.
func TestAnomalousCallsQuality(t *testing.T) {
	if testing.Short() {
		t.Skip("it makes an account of 28 days")
	}
	attacks, dir := simAttacks(), os.Getenv("VEDETTE_TRAIL_ATTACKS")
	if dir != "" {
		attacks = recordedAttacks(t, dir)
	}
	var all, found, benign, wrong int
	for seed := range uint64(3) {
		r := measure(seed+1, 28, attacks)
		all, found, benign, wrong = all+r.attacks, found+r.found, benign+r.benign, wrong+len(r.falseFindings)
		t.Logf("seed %d: %d of %d attacks found %v; %d findings of ordinary life in %d events", seed+1, r.found, r.attacks, r.byWay, len(r.falseFindings), r.benign)
		for _, f := range sortedKeys(r.falseFindings) {
			t.Logf("  false: %.400s", f)
		}
		t.Logf("  missed: %.3000s", strings.Join(r.missed, "; "))
	}
	t.Logf("recall %.2f, %.1f findings in 100,000 ordinary events", float64(found)/float64(all), float64(wrong)*1e5/float64(benign))
	if found*100 < all*76 || wrong*100_000 > benign*1 {
		t.Errorf("wanted are a recall of 0.76 and at most 1 finding in 100,000 ordinary events")
	}
}
