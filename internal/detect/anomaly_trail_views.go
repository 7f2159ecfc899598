package detect

import (
	"bytes"
	"net/netip"
	"strings"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// identityKind is what kind of caller an identity is, for its peers.
func identityKind(t *event.Trail) string {
	switch t.Identity.Type {
	case "Root":
		return "root"
	case "IAMUser":
		return "user"
	case "AssumedRole":
		if machineKind(t) != "" {
			return "machine"
		}
		if isPerson(&t.Identity) {
			return "person"
		}
		return "role"
	}
	return "other"
}

// behaver is the principal of an identity's behaviour, without the names of
// sessions: those are people only where a provider of identities names them.
func (c *apiCall) behaver() string {
	id := &c.t.Identity
	switch id.Type {
	case "Root":
		return "root of " + id.AccountID
	case "AssumedRole":
		role := id.Issuer.ARN
		if role == "" { // of an old record
			role = strings.Replace(id.ARN, ":assumed-role/", ":role/", 1)
			if i := strings.LastIndexByte(role, '/'); i > 0 {
				role = role[:i]
			}
		}
		if isPerson(id) {
			_, session, _ := strings.Cut(id.PrincipalID, ":")
			return role + " as " + session
		}
		return role
	}
	if id.ARN != "" {
		return id.ARN
	}
	return c.principal()
}

// peers names who is alike: the path of a user or a role, and for people who
// share a role that one.
func (c *apiCall) peers(kind string) string {
	id, x := &c.t.Identity, &c.account.habits.said
	arn := id.ARN
	if id.Type == "AssumedRole" {
		if arn = id.Issuer.ARN; kind == "person" {
			return x.join("person ", arn)
		}
	}
	from, to := strings.IndexByte(arn, '/'), strings.LastIndexByte(arn, '/')
	if from < 0 || from == to {
		return x.join(kind, " /")
	}
	return x.join(kind, " ", arn[from:to+1])
}

// credentialKind is the kind of credentials of a call.
func credentialKind(id *event.Identity) string {
	switch {
	case strings.HasPrefix(id.AccessKeyID, "AKIA"):
		return "long-term"
	case id.MFA:
		return "temporary, with a second factor"
	case id.AccessKeyID != "":
		return "temporary"
	}
	return ""
}

// resultOf is how a call ended, in a word.
func resultOf(t *event.Trail) string {
	code := t.ErrorCode
	switch {
	case t.Succeeded():
		return "success"
	case code == "":
		return "failure"
	case strings.Contains(code, "AccessDenied"), strings.Contains(code, "Unauthorized"), strings.Contains(code, "Forbidden"):
		return "denied"
	case strings.Contains(code, "Throttl"), strings.Contains(code, "RequestLimit"):
		return "success" // that comes of being many, not of who one is
	case strings.Contains(code, "NotFound"), strings.Contains(code, "NoSuch"), strings.Contains(code, "DoesNotExist"):
		return "not found"
	}
	return "failure"
}

// networkOf is the network and the country that an address is in. Without a
// database of networks it is the provider's of whom lists know, or the first
// half of the address.
func (c *apiCall) networkOf(ip netip.Addr) (network, country string) {
	switch {
	case !ip.IsValid():
		return "", ""
	case c.t.VPCEndpoint != "" || !isPublic(ip):
		if a := c.t.VPCEndpointAccount; a != "" && a != c.recipient() {
			return "VPC endpoint of account " + a, ""
		}
		return "private", ""
	}
	p, x := c.opts.Geo.Lookup(ip), &c.account.habits.said
	if p.ASN != 0 {
		return x.number("AS", uint64(p.ASN)), p.CountryCode
	}
	if n, ok := c.opts.Intel.NetworkOf(ip); ok && n.Provider != "" {
		return strings.TrimSpace(x.join(n.Provider, " ", n.Region)), p.CountryCode
	}
	bits := 16
	if ip.Is6() {
		bits = 32
	}
	prefix, _ := ip.Prefix(bits)
	return x.prefix(prefix), p.CountryCode
}

// targetMembers are the request parameters that name what a call is about, the
// narrowest first.
func targetMembers() [23]string {
	return [...]string{
		"bucketName", "roleArn", "roleName", "userName", "groupName", "instanceProfileName", "policyArn", "secretId", "functionName", "keyId",
		"dBInstanceIdentifier", "dBClusterIdentifier", "tableName", "repositoryName", "logGroupName", "stackName", "clusterName", "trailName",
		"queueUrl", "topicArn", "documentName", "name", "target",
	}
}

// target is what a call is about, by name. Names that count up are left as they
// are: who makes many new ones is not surprising by one more.
func (c *apiCall) target() string {
	if len(c.t.Request) == 0 || bytes.Equal(c.t.Request, []byte("null")) {
		return ""
	}
	req := c.req()
	for _, name := range targetMembers() {
		if n := req.Get(name); n.Kind() == jsonscan.String && n.Text() != "" {
			return n.Text()
		}
	}
	return ""
}

// seriesOut takes out of a name what counts through a series: runs of digits,
// and runs of hexadecimal digits that look made up.
func seriesOut(name string) string {
	const atLeast = 6 // hexadecimal digits with a digit among them
	var b []byte
	for i := 0; i < len(name); {
		end, digits := i, 0
		for end < len(name) && isHexDigit(name[end]) {
			if name[end] <= '9' {
				digits++
			}
			end++
		}
		word := end < len(name) && isLetter(name[end]) || i > 0 && isLetter(name[i-1])
		switch {
		case end == i:
			b = append(b, name[i])
			i++
			continue
		case digits == end-i, digits > 0 && end-i >= atLeast && !word:
			if len(b) == 0 || b[len(b)-1] != '#' {
				b = append(b, '#')
			}
		default:
			b = append(b, name[i:end]...)
		}
		i = end
	}
	return string(b)
}

func isHexDigit(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}
