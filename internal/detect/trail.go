package detect

import (
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
)

// trailState is what is remembered of an account's API calls.
type trailState struct {
	trails    *table[trailMemory]   // by name: CloudTrail's trails
	logs      *table[bool]          // names of buckets that CloudTrail writes to
	buckets   *table[bucketMemory]  // by name
	settings  *table[settings]      // of the account; one row
	sessions  *table[sessionMemory] // by principal: sessions of instances, functions and tasks
	addresses *table[addressMemory] // by address, or "vpce:" and an account
	operators *table[operatorMemory]
	users     *table[userMemory] // who log in to the console
	passwords *table[passwordMemory]
	// interfaces are those that belong to no instance yet.
	interfaces *table[finding.NetworkInterface]
	leaked     *table[leakMemory] // by user: whose keys leaked
}

// Bounds: of each kind those not heard of for longest are forgotten first.
const (
	maxTrails    = 1_000
	maxBuckets   = 100_000
	maxSessions  = 100_000
	maxAddresses = 100_000
	maxOperators = 10_000

	bucketIdle  = 0 // what a bucket allows stays as it is until somebody changes it
	sessionIdle = 7 * 24 * time.Hour
	addressIdle = 30 * 24 * time.Hour
	operateIdle = time.Hour
)

func newTrailState() *trailState {
	return &trailState{
		trails:     newTable[trailMemory]("trails", maxTrails, 0),
		logs:       newTable[bool]("trail-buckets", maxTrails, 0),
		buckets:    newTable[bucketMemory]("buckets", maxBuckets, bucketIdle),
		settings:   newTable[settings]("account-settings", 1, 0),
		sessions:   newTable[sessionMemory]("role-sessions", maxSessions, sessionIdle),
		addresses:  newTable[addressMemory]("account-addresses", maxAddresses, addressIdle),
		operators:  newTable[operatorMemory]("operators", maxOperators, operateIdle),
		users:      newTable[userMemory]("console-users", maxLoginUsers, loginPlaceIdle),
		passwords:  newTable[passwordMemory]("password-data", maxOperators, operateIdle),
		interfaces: newTable[finding.NetworkInterface]("loose-interfaces", maxOperators, sessionIdle),
		leaked:     newLeaked(),
	}
}

func (s *trailState) memories() []memory {
	return []memory{s.trails, s.logs, s.buckets, s.settings, s.sessions, s.addresses, s.operators, s.users, s.passwords, s.interfaces, s.leaked}
}

// settings are what is known of the account as a whole.
type settings struct {
	PublicBlock    setting[publicBlock]    `json:"publicBlock,omitzero"`
	PasswordPolicy setting[passwordPolicy] `json:"passwordPolicy,omitzero"`
}

// settings of the account, to be read.
func (c *apiCall) settings() settings {
	if s := c.account.trail.settings.get("account"); s != nil {
		return *s
	}
	return settings{}
}

// trailRules are the detectors of API calls by the calls they look at.
type trailRules struct {
	byName map[string][]trailRule
	own    map[string]bool // the operator's accounts
}

// trailRule looks at the calls of one service.
type trailRule struct {
	service string // eventSource without ".amazonaws.com"
	judge   func(*apiCall)
}

func newTrailRules(o *Options) *trailRules {
	r := &trailRules{byName: map[string][]trailRule{}, own: map[string]bool{}}
	for _, a := range o.Accounts {
		r.own[a] = true
	}
	add := func(service, names string, judge func(*apiCall)) {
		for _, n := range strings.Fields(names) {
			r.byName[n] = append(r.byName[n], trailRule{service, judge})
		}
	}
	for _, t := range trailTable() {
		add(t.service, t.names, t.judge)
	}
	disabled := map[string]bool{}
	for _, name := range o.DisabledRules {
		disabled[name] = true
	}
	for _, c := range catalogRules() {
		if !disabled[c.name] {
			add(c.service, c.calls, c.judge)
		}
	}
	return r
}

// judgeTrail runs the detectors of API calls. Most calls are wanted by none of
// them, and nothing is allocated for those.
func (r *record) judgeTrail(t *event.Trail) {
	if t.EventType == "AwsCloudTrailInsight" {
		return
	}
	c := &r.call
	*c = apiCall{record: r, t: t}
	if !c.byService() {
		c.rootUsage()
		c.penetrationTest()
		c.listedAddress()
		c.leakedKey()
		c.roleSession()
	}
	for _, rule := range r.rules.byName[apiName(t)] {
		if isService(t.Service, rule.service) {
			rule.judge(c)
		}
	}
}

// apiName is the name of the call. Lambda's names end in the version of its
// API, as in AddPermission20150331v2.
func apiName(t *event.Trail) string {
	n := t.Name
	if t.Service != "lambda.amazonaws.com" {
		return n
	}
	if i := len(n) - 2; i > 0 && n[i] == 'v' {
		n = n[:i]
	}
	if i := len(n) - len("20150331"); i > 0 && strings.Trim(n[i:], "0123456789") == "" {
		return n[:i]
	}
	return t.Name
}

// isService compares an eventSource with the name of a service.
func isService(source, service string) bool {
	rest, ok := strings.CutPrefix(source, service)
	return ok && rest == ".amazonaws.com"
}
