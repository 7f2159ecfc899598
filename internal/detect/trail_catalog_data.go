package detect

import (
	_ "embed"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/vedette-project/vedette/internal/jsonscan"
)

func dataRules() []catalogRule {
	const (
		modified  = "ModifyDBInstance ModifyDBCluster"
		exfilRDS  = "Exfiltration:RDS/TransferDataToCloudAccount"
		snapshots = "ModifyDBSnapshotAttribute ModifyDBClusterSnapshotAttribute"
	)
	return []catalogRule{
		{"RDSMasterPasswordReset", "CredentialAccess:RDS/ModifyAuthenticationProcess", 8, "rds", modified, false, masterPassword},
		{"RDSIAMAuthDisabled", "DefenseImpairment:RDS/ModifyAuthenticationProcess", 5, "rds", modified, false, databaseIAM},
		{"RDSPubliclyAccessible", "InitialAccess:RDS/ExploitPublicFacingApplication", 8, "rds",
			modified + " CreateDBInstance CreateDBCluster RestoreDBInstanceFromDBSnapshot RestoreDBInstanceToPointInTime RestoreDBClusterFromSnapshot", false, databasePublic},
		{"RDSSnapshotPubliclyShared", exfilRDS, 8, "rds", snapshots, false, databaseSnapshot(true)},
		{"RDSSnapshotExternalAccess", exfilRDS, 8, "rds", snapshots, false, databaseSnapshot(false)}, // not AWS's: the same with one account
		{"S3BucketPolicyExternalAccess", "Exfiltration:S3/TransferDataToCloudAccount", 8, "s3", "PutBucketPolicy", false, bucketPolicyExternal},
		{"S3CustomerProvidedKeysEnabled", "DefenseImpairment:S3/DisableOrModifyTools", 8, "s3", "PutBucketEncryption", false, customerKeys},
		{"S3LifecycleRapidExpiration", "Impact:S3/DataDestruction", 5, "s3", "PutBucketLifecycle PutBucketLifecycleConfiguration", false, lifecycle},
	}
}

func database(c *apiCall) (h hit, name string) {
	for _, f := range [...]string{"dBInstanceIdentifier", "dBClusterIdentifier"} {
		if name == "" {
			name = member(c.req(), f).Text()
		}
	}
	h.resource = resource("RDS_DB_INSTANCE", "rds", name)
	return h, name
}

func masterPassword(c *apiCall) (hit, bool) {
	h, name := database(c)
	h.did, h.why = "reset the master password of database "+shown(name), "the request sets masterUserPassword"
	return h, member(c.req(), "masterUserPassword") != nil
}

func databaseIAM(c *apiCall) (hit, bool) {
	h, name := database(c)
	h.did, h.why = "switched IAM authentication of database "+shown(name)+" off", "enableIAMDatabaseAuthentication is false"
	return h, saysNo(member(c.req(), "enableIAMDatabaseAuthentication"))
}

func databasePublic(c *apiCall) (hit, bool) {
	h, name := database(c)
	h.did, h.why = "made database "+shown(name)+" reachable from the internet", "publiclyAccessible is true"
	asked := member(c.req(), "publiclyAccessible")
	if asked == nil && strings.HasPrefix(c.t.Name, "Restore") { // the copy of a snapshot is public where the default VPC makes it so
		asked, h.why = member(c.res(), "publiclyAccessible"), "the database that was restored has publiclyAccessible true"
	}
	return h, saysYes(asked)
}

func databaseSnapshot(public bool) func(*apiCall) (hit, bool) {
	return func(c *apiCall) (hit, bool) {
		req := c.req()
		name := member(req, "dBSnapshotIdentifier").Text() + member(req, "dBClusterSnapshotIdentifier").Text()
		values := texts(member(req, "valuesToAdd"))
		everyone := slices.Contains(values, "all")
		if member(req, "attributeName").Text() != "restore" || everyone != public {
			return hit{}, false
		}
		return c.sharedWith("database snapshot", "RDS_SNAPSHOT", "rds", name, "the right to restore it", c.externalAccounts(values), everyone)
	}
}

func bucketResource(c *apiCall) (h hit, name string) {
	if name = c.bucket(); name != "" {
		h.resource = resource("S3_BUCKET", "s3", name)
		h.resource.UID = "arn:aws:s3:::" + name
	}
	return h, name
}

// bucketPolicyExternal: a policy lets everybody in, or an account that is not
// the operator's. Accounts of AWS itself that deliver logs may write them.
func bucketPolicyExternal(c *apiCall) (hit, bool) {
	h, name := bucketResource(c)
	a := evaluatePolicy(c.bucketPolicyOf())
	if m := c.memory(name); c.shut(&m, restricts) {
		a.reach = reachNobody // whatever is for everybody is for the account alone
	}
	external := c.externalAccounts(a.accounts)
	for _, account := range c.externalAccounts(a.logsOnly) {
		if !logAccounts()[account] {
			external = append(external, account)
		}
	}
	h.did, h.why = "let everybody into bucket "+shown(name), a.why
	if a.reach == reachNobody {
		h.did = "let account " + strings.Join(external, ", ") + " into bucket " + shown(name)
		h.why = "the policy names account " + strings.Join(external, ", ") + ", which is none of the operator's"
	}
	return h, a.reach > reachNobody || len(external) > 0
}

//go:embed trail_log_accounts.txt
var logAccountsText string

// logAccounts are accounts of AWS that write logs of a service to buckets.
var logAccounts = sync.OnceValue(func() map[string]bool {
	m := map[string]bool{}
	for line := range strings.Lines(logAccountsText) {
		if f := strings.Fields(line); len(f) > 0 && isAccountID(f[0]) {
			m[f[0]] = true
		}
	}
	return m
})

// customerKeys: encryption with keys of the caller's own, which S3 refuses by
// default since 2026, is let in again. Who encrypts so can hold data hostage.
func customerKeys(c *apiCall) (hit, bool) {
	h, name := bucketResource(c)
	h.did, h.why = "let encryption with customer-provided keys into bucket "+shown(name)+" again", "BlockedEncryptionTypes is NONE"
	for _, r := range nodes(member(c.req(), "ServerSideEncryptionConfiguration", "Rule")) {
		for _, t := range nodes(member(r, "BlockedEncryptionTypes", "EncryptionType")) {
			if strings.EqualFold(t.Text(), "NONE") {
				return h, true
			}
		}
	}
	return h, false
}

func lifecycle(c *apiCall) (hit, bool) {
	h, name := bucketResource(c)
	rule := rapidExpiration(c.req(), c.ev.Time, false)
	h.did, h.why = "made bucket "+shown(name)+" delete all that is in it within a day", rule
	return h, rule != ""
}

// rapidExpiration describes an active rule by which all objects expire within
// a day; "" if there is none. Rules for a part of a bucket, such as what is
// temporary, count only with parts.
func rapidExpiration(req *jsonscan.Node, at time.Time, parts bool) string {
	for _, r := range nodes(member(req, "LifecycleConfiguration", "Rule")) {
		if !strings.EqualFold(member(r, "Status").Text(), "Enabled") || !parts && !wholeBucket(r) {
			continue
		}
		e := member(r, "Expiration")
		if days := number(member(e, "Days")); days == 1 || days == 0 {
			return "objects expire after " + strconv.FormatInt(days, 10) + " day"
		}
		if date, err := time.Parse(time.RFC3339, member(e, "Date").Text()); err == nil && date.Before(at.Add(24*time.Hour)) {
			return "objects expire on " + date.UTC().Format(time.DateOnly)
		}
	}
	return ""
}

// wholeBucket reports whether a lifecycle rule is about all objects.
func wholeBucket(rule *jsonscan.Node) bool {
	filter := member(rule, "Filter")
	if member(filter, "Tag") != nil || member(filter, "And") != nil || member(filter, "ObjectSizeGreaterThan") != nil || member(filter, "ObjectSizeLessThan") != nil {
		return false
	}
	for _, p := range []string{member(rule, "Prefix").Text(), member(filter, "Prefix").Text()} {
		if p != "" && p != "*" && p != "/" {
			return false
		}
	}
	return true
}
