package detect

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/anomaly"
	"github.com/vedette-project/vedette/internal/finding"
)

// The planes of an account: management calls, and what is done in buckets.
var (
	trailPlane = plane{name: "cloudtrail", views: []string{"api", "target", "userAgent", "asnOrg", "country", "result", "keyType", "tactic"}, network: []int{3, 4}}
	s3Plane    = plane{name: "s3", views: []string{"api", "bucket", "userAgent", "asnOrg", "country", "result", "keyType", "tactic"}, network: []int{3, 4}}
)

// trailHabits are what is remembered beside the models of an account.
type trailHabits struct {
	unusual  *table[unusualCalls] // by type and principal: what a finding tells of
	volumes  *table[objectVolume] // by identity, bucket, or both
	roles    *table[roleNetwork]  // by role and network: where its machines are at home
	families families
	said     said
}

// trailFloor is the score below which nothing is told of. Calls of AWS have more
// views than the floor of the models is made for, and their scores are higher.
const trailFloor = 9 * anomaly.Decade

const unusualIdle = 30 * 24 * time.Hour

func newTrailHabits() *trailHabits {
	return &trailHabits{
		unusual:  newTable[unusualCalls]("unusual-calls", maxOperators, unusualIdle),
		volumes:  newTable[objectVolume]("object-volumes", maxObjectVolumes, volumeIdle),
		roles:    newTable[roleNetwork]("role-networks", maxRoleNetworks, roleNetworkIdle),
		families: families{},
	}
}

func (h *trailHabits) memories() []memory { return []memory{h.unusual, h.volumes, h.roles} }

// behaves judges a call by how its caller usually behaves. What AWS does itself
// is nobody's behaviour, and who shows no credentials is nobody.
func (c *apiCall) behaves() {
	if c.t == nil || c.byService() || !c.identified() || c.t.Category == "NetworkActivity" {
		return
	}
	c.stillThere()
	if c.opts.AnomaliesOff {
		return
	}
	if c.isS3Data() {
		c.bucketBehaviour()
		return
	}
	p := purposeOf(c.t, c.reads())
	typ := ""
	if p.tactic != "" {
		typ = c.account.habits.said.join(p.tactic, ":IAMUser/AnomalousBehavior")
	}
	if v := c.judged(&trailPlane, c.target(), typ, p); v != nil {
		c.anomalous(v, typ, p.tactic)
		if isService(c.t.Service, "s3") && setsPermission(c.t.Name) {
			c.anomalousInBucket(v, "Impact:S3/AnomalousBehavior.Permission")
		}
	}
}

// judged asks the model of a plane, which learns.
func (c *apiCall) judged(p *plane, target, typ string, is apiPurpose) *verdict {
	t, x := c.t, &c.account.habits.said
	network, country := c.networkOf(c.sourceAddr())
	api := x.join(strings.TrimSuffix(t.Service, ".amazonaws.com"), ":", apiName(t))
	kind := identityKind(t)
	x.values = [...]string{api, target, c.account.habits.families.of(t.UserAgent), network, country, resultOf(t), credentialKind(&t.Identity), is.tactic}
	x.says = behaviour{
		plane: p, principal: c.behaver(), group: c.peers(kind), kind: kind,
		values: x.values[:], act: api, risk: is.risk, typ: typ,
	}
	v := c.models.judge(c.ev.Time, c.late, &x.says)
	if v != nil && v.score < trailFloor {
		return nil
	}
	return v
}

// anomalous claims that a caller makes calls of a tactic as nobody would expect
// it to.
func (c *apiCall) anomalous(v *verdict, typ, tactic string) {
	s := c.claimCall(typ, c.behaver())
	s.Title = "User " + c.userTitle() + " is anomalously invoking APIs commonly used in " + tacticTitle(tactic) + " tactics."
	s.Description = fmt.Sprintf("%s called %s%s%s, an API commonly used in %s tactics, in a way that is not usual for it: %s.",
		c.who(), shown(c.t.Name), c.from(), c.outcome(), tacticTitle(tactic), unusualText(v))
	c.explain(s, v)
	c.raise(s)
}

// explain adds what is unusual to a claim, with the calls before it that the
// finding told of.
func (c *apiCall) explain(s *finding.Signal, v *verdict) {
	key := s.Type + "\x00" + s.Key
	m := c.account.habits.unusual.value(key)
	m.add(c)
	*c.account.habits.unusual.touch(key, c.ev.Time) = m
	s.Why, s.Detection = v.why(), v.detection()
	s.Info = map[string]any{
		"anomalies":       map[string]any{"anomalousAPIs": m.text()},
		"userAgent":       map[string]any{"fullUserAgent": strings.Clone(c.t.UserAgent), "userAgentCategory": c.account.habits.families.of(c.t.UserAgent)},
		"unusualBehavior": unusualInfo(v),
	}
}

// unusualCalls are the calls that a finding told of.
type unusualCalls struct {
	Calls   []unusualCall `json:"calls"`
	Buckets []string      `json:"buckets,omitempty"`
}

type unusualCall struct{ Service, API, Result string }

const maxUnusualCalls = 50

func (m *unusualCalls) add(c *apiCall) {
	one := unusualCall{strings.Clone(c.t.Service), strings.Clone(c.t.Name), "success"}
	if !c.t.Succeeded() {
		one.Result = shown(c.t.ErrorCode)
	}
	if len(m.Calls) < maxUnusualCalls && !slices.Contains(m.Calls, one) {
		m.Calls = append(slices.Clip(m.Calls), one)
		slices.SortFunc(m.Calls, func(a, b unusualCall) int {
			return strings.Compare(a.Service+"\x00"+a.API+"\x00"+a.Result, b.Service+"\x00"+b.API+"\x00"+b.Result)
		})
	}
	if b := c.bucket(); b != "" && len(m.Buckets) < maxShownBuckets && !slices.Contains(m.Buckets, b) {
		m.Buckets = append(slices.Clip(m.Buckets), strings.Clone(b))
		slices.Sort(m.Buckets)
	}
}

// text lists the calls as GuardDuty does, by service.
func (m *unusualCalls) text() string {
	var out []string
	for i := 0; i < len(m.Calls); {
		service, calls := m.Calls[i].Service, []string{}
		for ; i < len(m.Calls) && m.Calls[i].Service == service; i++ {
			calls = append(calls, m.Calls[i].API+":"+m.Calls[i].Result)
		}
		out = append(out, service+":["+strings.Join(calls, " , ")+"]")
	}
	return strings.Join(out, " , ")
}

// userTitle names the caller as GuardDuty's titles do.
func (c *apiCall) userTitle() string { return c.t.Identity.Type + " : " + c.userName() }

// tacticTitle puts the words of a tactic's name apart.
func tacticTitle(tactic string) string {
	var b strings.Builder
	for i := range len(tactic) {
		if i > 0 && tactic[i] >= 'A' && tactic[i] <= 'Z' {
			b.WriteByte(' ')
		}
		b.WriteByte(tactic[i])
	}
	return b.String()
}

// unusualText says in words what is unusual, in the order of the views.
func unusualText(v *verdict) string {
	var out []string
	for _, view := range v.behaviour.plane.views {
		for _, u := range v.unusual() {
			if u.view == view && u.class != "FREQUENT" {
				out = append(out, viewWord(view)+" "+shown(u.value))
			}
		}
	}
	if len(out) == 0 {
		return "in the sum of its calls"
	}
	return strings.Join(out, ", ")
}

func viewWord(view string) string {
	switch view {
	case "api":
		return "the API"
	case "asnOrg":
		return "the network"
	case "keyType":
		return "credentials that are"
	case "userAgent":
		return "the program"
	}
	return "the " + view
}

// unusualInfo says the same in the members that GuardDuty's findings have.
func unusualInfo(v *verdict) map[string]any {
	names := map[string]string{"api": "unusualAPIs", "asnOrg": "unusualASNs", "userAgent": "unusualUserAgents"}
	out := map[string]any{}
	for _, u := range v.unusual() {
		name := names[u.view]
		if name == "" || u.class == "FREQUENT" {
			continue
		}
		out[name+"UserIdentityProfiling"] = u.value
		if u.level == "nowhere" {
			out[name+"AccountProfiling"] = u.value
		}
	}
	return out
}
