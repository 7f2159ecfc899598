package detect

import (
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

const typeTrailDisabled = "Stealth:IAMUser/CloudTrailLoggingDisabled"

// trailMemory is what is known of a trail.
type trailMemory struct {
	Created    int64         `json:"created,omitempty"` // Unix seconds; 0 if it is older than the log
	Multi      setting[bool] `json:"multi,omitzero"`
	Global     setting[bool] `json:"global,omitzero"`
	Validation setting[bool] `json:"validation,omitzero"`
	Management setting[bool] `json:"management,omitzero"`
}

// setUp is how long after its creation a trail is still being set up: tools
// make it first, and say then what it shall record.
const setUp = 5 * time.Minute

// stealth starts a claim that CloudTrail records less than before.
func (c *apiCall) stealth(subject, did, why string) *finding.Signal {
	s := c.claimCall(typeTrailDisabled, c.principal()+"\x00"+subject)
	s.Title = "CloudTrail records less than before."
	s.Description = c.who() + " called " + shown(c.t.Name) + c.from() + ": " + did + "."
	s.Why = why
	return s
}

// trailName is the name in a name or an ARN.
func trailName(s string) string { return s[strings.LastIndexByte(s, '/')+1:] }

func (c *apiCall) trailStopped() {
	if !c.t.Succeeded() {
		return
	}
	subject := trailName(c.req().Text("name") + c.req().Text("eventDataStore"))
	did := "trail " + shown(subject) + " records nothing any more"
	if strings.Contains(c.t.Name, "EventDataStore") {
		did = "event data store " + shown(subject) + " takes nothing any more"
	}
	s := c.stealth(subject, did, c.t.Name+" succeeded")
	s.Why = strings.Clone(s.Why)
	s.Action.AWSAPICallAction.AffectedResources["AWS::CloudTrail::Trail"] = subject
	if c.t.Name == "DeleteTrail" {
		c.account.trail.trails.drop(subject)
	}
	c.raise(s)
}

// trailChanged looks for a trail that is told to record less, or to encrypt
// with a key of another account, who can take it away; and remembers trails.
func (c *apiCall) trailChanged() {
	if !c.t.Succeeded() {
		return
	}
	req, res := c.req(), c.res()
	name := trailName(req.Text("name"))
	if name == "" {
		return
	}
	known := c.account.trail.trails.value(name)
	if c.t.Name == "CreateTrail" {
		known.Created = max(known.Created, c.ev.Time.Unix())
	}
	var lost []string
	for _, f := range []struct {
		field, what string
		was         *setting[bool]
	}{
		{"isMultiRegionTrail", "other Regions", &known.Multi},
		{"includeGlobalServiceEvents", "events of global services", &known.Global},
		{"enableLogFileValidation", "digests that show changed log files", &known.Validation},
	} {
		now := asked(req, res, f.field)
		if now == nil {
			continue
		}
		if was := f.was.before(c.ev.Time); !*now && c.t.Name == "UpdateTrail" && (was == nil || *was) {
			lost = append(lost, f.what)
		}
		f.was.tell(*now, c.ev.Time)
	}
	why := "UpdateTrail switched off: " + strings.Join(lost, ", ")
	if key := req.Text("kmsKeyId"); c.t.Name == "UpdateTrail" && key != "" && !c.isOwn(arnAccount(key)) {
		lost = append(lost, "a key of this account (it is one of account "+arnAccount(key)+")")
		why = "UpdateTrail set kmsKeyId to a key of account " + arnAccount(key)
	}
	if b := req.Text("s3BucketName"); b != "" {
		*c.account.trail.logs.touch(b, c.ev.Time) = true
	}
	*c.account.trail.trails.touch(name, c.ev.Time) = known
	if len(lost) == 0 {
		return
	}
	s := c.stealth(name, "trail "+shown(name)+" goes without "+strings.Join(lost, ", "), why)
	s.Action.AWSAPICallAction.AffectedResources["AWS::CloudTrail::Trail"] = name
	c.raise(s)
}

// asked is what a request says of a setting or, where it is to be made, what
// the answer says.
func asked(req, res *jsonscan.Node, field string) *bool {
	n := member(req, field)
	if n == nil {
		n = member(res, field)
		if n == nil || member(req, "s3BucketName") == nil {
			return nil
		}
	}
	v := saysYes(n)
	if !v && !saysNo(n) {
		return nil
	}
	return &v
}

// trailSelectors looks for a trail that no longer records what manages the
// account. A trail for data alone is set up that way from the start.
func (c *apiCall) trailSelectors() {
	if !c.t.Succeeded() {
		return
	}
	name := trailName(c.req().Text("trailName"))
	why, all := selectorLoss(c.req())
	known := c.account.trail.trails.value(name)
	settingUp := known.Created != 0 && within(c.ev.Time, time.Unix(known.Created, 0), setUp)
	was := known.Management.before(c.ev.Time)
	already := was != nil && !*was
	known.Management.tell(all, c.ev.Time)
	*c.account.trail.trails.touch(name, c.ev.Time) = known
	if all || settingUp && !recordsNothing(c.req()) || already {
		return
	}
	s := c.stealth(name, "trail "+shown(name)+" no longer records every management event", why)
	s.Action.AWSAPICallAction.AffectedResources["AWS::CloudTrail::Trail"] = name
	c.raise(s)
}

// selectorLoss says which management events selectors leave out, and whether
// they leave none out. Those of KMS and of the RDS Data API are many, and are
// left out by choice.
func selectorLoss(req *jsonscan.Node) (why string, all bool) {
	simple, advanced := nodes(member(req, "eventSelectors")), nodes(member(req, "advancedEventSelectors"))
	for _, s := range simple {
		if n := member(s, "includeManagementEvents"); saysNo(n) {
			why = "includeManagementEvents is false"
			continue
		}
		if rw := member(s, "readWriteType").Text(); strings.EqualFold(rw, "ReadOnly") {
			why = "readWriteType is ReadOnly, so that no change is recorded"
			continue
		}
		return "", true
	}
	for _, s := range advanced {
		if isManagement, narrow := advancedManagement(s); isManagement && narrow == "" {
			return "", true
		} else if isManagement {
			why = narrow
		}
	}
	if why == "" {
		why = "no selector takes management events"
	}
	return why, len(simple)+len(advanced) == 0
}

// recordsNothing reports whether selectors take no event at all, which is no
// way to set a trail up.
func recordsNothing(req *jsonscan.Node) bool {
	simple := nodes(member(req, "eventSelectors"))
	for _, s := range simple {
		if !saysNo(member(s, "includeManagementEvents")) {
			return false
		}
		for _, d := range nodes(member(s, "dataResources")) {
			if len(nodes(member(d, "values"))) > 0 {
				return false
			}
		}
	}
	return len(simple) > 0
}

// advancedManagement reports whether an advanced selector takes management
// events, and what narrows them down.
func advancedManagement(sel *jsonscan.Node) (is bool, narrow string) {
	for _, f := range nodes(member(sel, "fieldSelectors")) {
		switch member(f, "field").Text() {
		case "eventCategory":
			is = len(nodes(member(f, "equals"))) > 0 && nodes(member(f, "equals"))[0].Text() == "Management"
		case "readOnly":
			if e := nodes(member(f, "equals")); len(e) > 0 && e[0].Text() == "true" {
				narrow = "readOnly equals true, so that no change is recorded"
			}
		case "eventSource":
			for _, v := range nodes(member(f, "notEquals")) {
				if v.Text() != "kms.amazonaws.com" && v.Text() != "rdsdata.amazonaws.com" {
					narrow = "events of " + shown(v.Text()) + " are left out"
				}
			}
			if len(nodes(member(f, "equals"))) > 0 {
				narrow = "events of a few services only are taken"
			}
		default:
			narrow = "a selector of " + shown(member(f, "field").Text()) + " narrows management events down"
		}
	}
	return is, narrow
}

// detectorTampered looks for the end of GuardDuty's watch. No type of AWS's
// catalogue is made for it; this one is for what hides API calls.
func (c *apiCall) detectorTampered() {
	if !c.t.Succeeded() || c.t.Name == "UpdateDetector" && !saysNo(member(c.req(), "enable")) {
		return
	}
	id := c.req().Text("detectorId")
	s := c.stealth(id, "GuardDuty, which watches CloudTrail, was switched off (detector "+shown(id)+")",
		strings.Clone(c.t.Name)+" succeeded on a GuardDuty detector")
	s.Title = "GuardDuty was switched off."
	s.Info = map[string]any{"context": "guardduty"}
	c.raise(s)
}

// learnTrailBucket remembers the buckets that CloudTrail itself writes to.
func (c *apiCall) learnTrailBucket() {
	if c.t.SourceIP != "cloudtrail.amazonaws.com" && c.t.Identity.InvokedBy != "cloudtrail.amazonaws.com" {
		return
	}
	if b := c.bucket(); b != "" && c.account.trail.logs.get(b) == nil {
		*c.account.trail.logs.touch(b, c.ev.Time) = true
	}
}

// trailBucketGutted looks for a bucket of logs that goes, or forgets them
// within days.
func (c *apiCall) trailBucketGutted() {
	b := c.bucket()
	if !c.t.Succeeded() || b == "" || c.account.trail.logs.get(b) == nil {
		return
	}
	did, why := "the bucket "+shown(b)+" with the logs of a trail was deleted", "DeleteBucket succeeded on a bucket that CloudTrail writes to"
	if c.t.Name != "DeleteBucket" {
		rule := rapidExpiration(c.req(), c.ev.Time, true)
		if rule == "" {
			return
		}
		did, why = "the bucket "+shown(b)+" with the logs of a trail forgets them: "+rule, rule+" on a bucket that CloudTrail writes to"
	} else {
		c.account.trail.logs.drop(b)
	}
	c.raise(c.stealth(b, did, why))
}

// bedrockLogging looks for the end of the log of calls of models.
func (c *apiCall) bedrockLogging() {
	if !c.t.Succeeded() {
		return
	}
	why := "DeleteModelInvocationLoggingConfiguration succeeded"
	if c.t.Name == "PutModelInvocationLoggingConfiguration" {
		cfg := member(c.req(), "loggingConfig")
		delivered := member(cfg, "s3Config") != nil || member(cfg, "cloudWatchConfig") != nil
		kinds, off := 0, 0
		for _, k := range cfg.Keys() {
			if strings.HasSuffix(k, "DataDeliveryEnabled") {
				if kinds++; saysNo(cfg.Get(k)) {
					off++
				}
			}
		}
		if cfg == nil || delivered && (kinds == 0 || off < kinds) {
			return
		}
		why = "PutModelInvocationLoggingConfiguration left nothing to be delivered, or nowhere to deliver it"
	}
	s := c.claimCall("DefenseEvasion:IAMUser/BedrockLoggingDisabled", c.principal())
	s.Title = "The log of calls of Bedrock models was switched off."
	s.Description = c.who() + " called " + shown(c.t.Name) + c.from() + "; what models are asked and answer is not recorded any more."
	s.Why = why
	c.raise(s)
}
