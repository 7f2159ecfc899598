package detect

import (
	"cmp"
	"net/netip"
	"strings"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// apiCall is an API call under judgement.
type apiCall struct {
	*record
	t *event.Trail

	request, response         *jsonscan.Node
	requestRead, responseRead bool
}

// req are the request parameters.
func (c *apiCall) req() *jsonscan.Node {
	if !c.requestRead {
		c.request, c.requestRead = c.t.RequestNode(), true
	}
	return c.request
}

// res are the response elements. CloudTrail has none of calls that only read.
func (c *apiCall) res() *jsonscan.Node {
	if !c.responseRead {
		c.response, c.responseRead = c.t.ResponseNode(), true
	}
	return c.response
}

// byService reports whether AWS itself made the call: a service, a role that is
// linked to one, or a service on behalf of an identity.
func (c *apiCall) byService() bool {
	id := &c.t.Identity
	return id.InvokedBy != "" || c.t.EventType == "AwsServiceEvent" ||
		c.t.SourceIP == "AWS Internal" || strings.HasSuffix(c.t.SourceIP, ".amazonaws.com") || c.byLinkedRole()
}

// byLinkedRole reports whether the caller is a role that only a service of AWS
// can take.
func (c *apiCall) byLinkedRole() bool {
	return c.t.Identity.Type == "AWSService" || strings.Contains(c.t.Identity.Issuer.ARN, ":role/aws-service-role/")
}

// isS3Data reports whether the call reads or writes what is in a bucket.
// Records older than 2020 do not say what category they are of.
func (c *apiCall) isS3Data() bool {
	t := c.t
	return isService(t.Service, "s3") && (!t.Management || t.Category == "" && isObjectCall(t.Name))
}

// isObjectCall reports whether S3 makes data events of the calls of a name.
func isObjectCall(name string) bool {
	switch name {
	case "HeadBucket", "ListParts", "ListMultipartUploads", "UploadPart", "UploadPartCopy", "CreateMultipartUpload", "CompleteMultipartUpload", "AbortMultipartUpload":
		return true
	}
	return strings.Contains(name, "Object") && !strings.Contains(name, "ObjectLockConfiguration")
}

// reads reports whether the call changes nothing. Old records do not say so of
// most calls; there the verb does.
func (c *apiCall) reads() bool {
	t := c.t
	if t.ReadOnly || t.Category != "" {
		return t.ReadOnly
	}
	for _, verb := range [...]string{"Describe", "List", "Get", "Head", "Lookup", "Search", "BatchGet", "Select", "Query", "Scan"} {
		if strings.HasPrefix(t.Name, verb) {
			return true
		}
	}
	return false
}

// sourceAddr is the address that the call came from; not valid where that is
// the name of a service.
func (c *apiCall) sourceAddr() netip.Addr {
	s := c.t.SourceIP
	if s == "" || s[0] != ':' && (s[0] < '0' || s[0] > '9') && (s[0]|0x20 < 'a' || s[0]|0x20 > 'f') {
		return netip.Addr{}
	}
	return parseAddr(s)
}

// source is where the call came from, as it is shown: an address in its shortest
// form, not IPv4 as IPv6 maps it, or the name of a service.
func (c *apiCall) source() string {
	if ip := c.sourceAddr(); ip.IsValid() {
		return ip.String()
	}
	return strings.Clone(c.t.SourceIP)
}

// recipient is the account that the call was made in.
func (c *apiCall) recipient() string { return c.ev.Scope.Account }

// isOwn reports whether an account is the operator's.
func (c *apiCall) isOwn(account string) bool {
	return account == "" || account == c.recipient() || c.rules.own[account]
}

// bucket is the name of the bucket that an S3 call is about.
func (c *apiCall) bucket() string { return c.req().Text("bucketName") }

// principal is what findings of one caller have in common: its principal id
// and, where people or machines share a role, the name of the session unless
// that was made up for the occasion.
func (c *apiCall) principal() string {
	id := &c.t.Identity
	p := id.PrincipalID
	if p == "" {
		p = id.ARN
	}
	if p == "" {
		p = id.AccountID + "/" + id.UserName
	}
	if role, session, ok := strings.Cut(p, ":"); ok && role != "" && event.IsNumbered(session) {
		p = role
	}
	return p
}

// claimCall starts a claim about the call: who, what, where from.
func (c *apiCall) claimCall(typ, key string) *finding.Signal {
	t := c.t
	s := c.claim(typ, key)
	s.Actor = c.actor()
	s.Action = finding.Action{ActionType: "AWS_API_CALL", AWSAPICallAction: c.action()}
	s.Resource = finding.Resource{ResourceType: "AccessKey", AccessKeyDetails: c.accessKey()}
	if id, ok := instanceSession(&t.Identity); ok {
		if d := c.account.instances.byID.get(id); d != nil {
			known := *d
			s.Resource.InstanceDetails = &known
		}
	}
	return s
}

func (c *apiCall) actor() finding.Actor {
	t := c.t
	a := finding.Actor{Username: c.userName(), PrincipalARN: strings.Clone(t.Identity.ARN), UserAgent: strings.Clone(t.UserAgent)}
	if t.SourceIP != "" {
		a.SourceIPs = []string{c.source()}
	}
	return a
}

// userName is the name that a finding shows: the user's, or the role's.
func (c *apiCall) userName() string {
	id := &c.t.Identity
	switch {
	case id.Type == "Root":
		return "Root"
	case id.UserName != "":
		return strings.Clone(id.UserName)
	case id.Issuer.UserName != "":
		return strings.Clone(id.Issuer.UserName)
	}
	name := shortName(id.ARN)
	if rest, ok := strings.CutPrefix(name, "assumed-role/"); ok { // of an old record
		name, _, _ = strings.Cut(rest, "/")
	}
	return strings.Clone(name)
}

func (c *apiCall) accessKey() *finding.AccessKeyDetails {
	id := &c.t.Identity
	return &finding.AccessKeyDetails{
		AccessKeyID: strings.Clone(id.AccessKeyID), PrincipalID: strings.Clone(id.PrincipalID),
		UserName: c.userName(), UserType: strings.Clone(id.Type),
	}
}

func (c *apiCall) action() *finding.AWSAPICallAction {
	t := c.t
	a := &finding.AWSAPICallAction{
		API: strings.Clone(t.Name), ServiceName: strings.Clone(t.Service), ErrorCode: strings.Clone(t.ErrorCode),
		UserAgent: strings.Clone(t.UserAgent), AffectedResources: c.affected(),
	}
	if ip := remoteIP([]string{t.SourceIP}); ip != nil {
		a.CallerType, a.RemoteIPDetails = "Remote IP", ip
	} else if t.SourceIP != "" {
		a.CallerType, a.DomainDetails = "Domain", &finding.DomainDetails{Domain: c.source()}
	}
	if caller := t.Identity.AccountID; caller != "" && caller != c.recipient() {
		a.RemoteAccountDetails = &finding.RemoteAccountDetails{AccountID: strings.Clone(caller), Affiliated: c.isOwn(caller)}
	}
	return a
}

// affected are the resources that the record names, by type.
func (c *apiCall) affected() map[string]string {
	out := map[string]string{}
	n, _ := jsonscan.Parse(c.t.Resources)
	for _, r := range n.Items() {
		typ, arn := r.Text("type"), r.Text("ARN")
		if typ == "" || arn == "" || out[typ] != "" {
			continue
		}
		if typ == "AWS::S3::Bucket" {
			arn = arn[strings.LastIndexByte(arn, ':')+1:]
		}
		out[typ] = arn
	}
	if b := c.bucket(); b != "" && isService(c.t.Service, "s3") {
		out["AWS::S3::Bucket"] = b
	}
	return out
}

// who names the caller in a sentence.
func (c *apiCall) who() string {
	id := &c.t.Identity
	switch id.Type {
	case "Root":
		return "The root user of account " + id.AccountID
	case "IAMUser":
		if id.UserName != "" {
			return "IAM user " + id.UserName
		}
	}
	if id.ARN != "" {
		return strings.Clone(shortName(id.ARN))
	}
	if id.InvokedBy != "" {
		return strings.Clone(id.InvokedBy)
	}
	return "An unnamed caller"
}

// from names the address in a sentence.
func (c *apiCall) from() string {
	if c.t.SourceIP == "" {
		return ""
	}
	return " from " + shown(c.source())
}

// outcome says in a sentence that a call failed.
func (c *apiCall) outcome() string {
	if c.t.Succeeded() {
		return ""
	}
	return " (it failed with " + shown(cmp.Or(c.t.ErrorCode, c.t.ErrorMessage)) + ")"
}

// shown is attacker-made text for a sentence.
func shown(s string) string { return strings.Trim(quoted(s, "nothing"), "'") }

// member follows member names whatever their case: services do not agree on it.
func member(n *jsonscan.Node, path ...string) *jsonscan.Node {
	for _, want := range path {
		next := n.Get(want)
		if next == nil {
			for _, k := range n.Keys() {
				if strings.EqualFold(k, want) {
					next = n.Get(k)
				}
			}
		}
		n = next
	}
	return n
}

// nodes are those of a value that XML turned into JSON left as an array, as a single
// object, or under "items" or "item".
func nodes(n *jsonscan.Node) []*jsonscan.Node {
	switch n.Kind() {
	case jsonscan.Array:
		return n.Items()
	case jsonscan.Object:
		if items := n.Get("items"); items != nil {
			return nodes(items)
		}
		if items := n.Get("item"); items != nil {
			return nodes(items)
		}
		if len(n.Keys()) > 0 {
			return []*jsonscan.Node{n}
		}
	case jsonscan.String, jsonscan.Number, jsonscan.Bool:
		return []*jsonscan.Node{n}
	}
	return nil
}

// saysYes and saysNo tell what a member is, as a boolean or as text; a member
// that is not there says neither.
func saysYes(n *jsonscan.Node) bool { return n.True() || strings.EqualFold(n.Text(), "true") }

func saysNo(n *jsonscan.Node) bool {
	return n.Kind() == jsonscan.Bool && !n.True() || strings.EqualFold(n.Text(), "false")
}
