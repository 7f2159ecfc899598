package detect

import (
	"slices"
	"strings"
)

// AWS looks for access keys in public places, and attaches a policy of this
// name to the user whose key it found (AWSCompromisedKeyQuarantine, …V2, …V3;
// AWS, "AWS managed policies for job functions", 2024).
const quarantinePolicy = "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantine"

const (
	maxLeaked    = 10_000 // users
	maxFreshKeys = 8      // of a user, made after the leak
)

// leakMemory is what is known of a user whose key leaked.
type leakMemory struct {
	Leaked setting[bool] `json:"leaked"`
	Fresh  []string      `json:"fresh,omitempty"` // keys made since
}

// learnLeak remembers users that were put in quarantine, and taken out of it.
func (c *apiCall) learnLeak() {
	user := c.req().Text("userName")
	if !c.t.Succeeded() || user == "" || !strings.HasPrefix(strings.Replace(c.req().Text("policyArn"), "arn:aws-us-gov:", "arn:aws:", 1), quarantinePolicy) {
		return
	}
	m := c.account.trail.leaked.touch(user, c.ev.Time)
	m.Leaked.tell(c.t.Name == "AttachUserPolicy", c.ev.Time)
}

// learnFreshKey remembers a key of a user in quarantine that was made after.
func (c *apiCall) learnFreshKey() {
	key := member(c.res(), "accessKey")
	user := key.Text("userName")
	m := c.account.trail.leaked.get(user)
	if !c.t.Succeeded() || m == nil || m.Leaked.before(c.ev.Time) == nil || len(m.Fresh) >= maxFreshKeys {
		return
	}
	if id := key.Text("accessKeyId"); id != "" && !slices.Contains(m.Fresh, id) {
		m = c.account.trail.leaked.touch(user, c.ev.Time)
		m.Fresh = append(slices.Clip(m.Fresh), id)
	}
}

// leakedKey looks for calls with a key that is known to have leaked, refused
// ones too: whoever tries has the key.
func (c *apiCall) leakedKey() {
	id := &c.t.Identity
	if id.Type != "IAMUser" || id.AccessKeyID == "" || c.account.trail.leaked.len() == 0 {
		return
	}
	m := c.account.trail.leaked.get(id.UserName)
	if m == nil || slices.Contains(m.Fresh, id.AccessKeyID) {
		return
	}
	leaked := m.Leaked.before(c.ev.Time)
	// Consoles and sessions have keys of their own; who has them has a password.
	if leaked == nil || !*leaked || !strings.HasPrefix(id.AccessKeyID, "AKIA") {
		return
	}
	c.compromised("AWS put the user in quarantine by the policy AWSCompromisedKeyQuarantine, as it does when it finds a key in public, and the key is not one that was made since")
}

func (c *apiCall) compromised(why string) {
	s := c.claimCall("CredentialAccess:IAMUser/CompromisedCredentials", strings.Clone(c.t.Identity.AccessKeyID))
	s.Title = "An access key that leaked is used."
	s.Description = c.who() + " called " + shown(c.t.Name) + c.from() + c.outcome() + " with the access key " + shown(c.t.Identity.AccessKeyID) + ", which is known to have leaked."
	s.Why = why
	c.raise(s)
}

func newLeaked() *table[leakMemory] { return newTable[leakMemory]("leaked-keys", maxLeaked, 0) }
