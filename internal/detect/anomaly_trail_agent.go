package detect

import (
	"net/netip"
	"strconv"
	"strings"
)

// agentFamily is the program of a user agent and the system it runs on, without
// versions and other ornaments: what a new release changes says nothing.
func agentFamily(agent string) string {
	agent = strings.TrimSuffix(strings.TrimPrefix(agent, "["), "]")
	if agent == "" {
		return ""
	}
	if strings.HasSuffix(agent, ".amazonaws.com") || strings.HasPrefix(agent, "AWS Internal") {
		return agent
	}
	return strings.TrimSpace(agentProgram(agent) + " " + agentSystem(agent))
}

// agentProgram is the name of the program. Those that say what they were built
// with come first, so the list of what is more telling decides.
func agentProgram(agent string) string {
	for _, p := range [...]string{
		"Terraform", "OpenTofu", "Pulumi", "stratus-red-team", "Pacu", "CloudFormation", "eksctl", "kubectl", "S3Console", "exec-env/AWS_Lambda",
		"exec-env/CloudShell", "exec-env/EC2", "exec-env/AWS_ECS", "aws-cli", "Boto3", "Botocore",
	} {
		if strings.Contains(agent, p) {
			return p
		}
	}
	name, _, _ := strings.Cut(agent, "/")
	name, _, _ = strings.Cut(name, " ")
	return seriesOut(name)
}

func agentSystem(agent string) string {
	for _, s := range [...][2]string{
		{"Windows", "Windows"}, {"windows", "Windows"}, {"Darwin", "macOS"}, {"darwin", "macOS"}, {"macos", "macOS"}, {"Mac OS X", "macOS"}, {"Macintosh", "macOS"},
		{"Android", "Android"}, {"iPhone", "iOS"}, {"kali", "Kali Linux"}, {"parrot", "Parrot Linux"}, {"pentoo", "Pentoo Linux"}, {"linux", "Linux"}, {"Linux", "Linux"},
	} {
		if strings.Contains(agent, s[0]) {
			return s[1]
		}
	}
	return ""
}

// families remembers what agentFamily said, since few programs make most calls.
type families map[string]string

// maxFamilies bounds it; a full one begins anew.
const maxFamilies = 1024

func (f families) of(agent string) string {
	if known, ok := f[agent]; ok {
		return known
	}
	if len(f) >= maxFamilies {
		clear(f)
	}
	family := agentFamily(agent)
	f[strings.Clone(agent)] = strings.Clone(family)
	return family
}

// said makes texts of parts; one that was made before costs no memory. It has
// room for one behaviour, since a shard judges one event at a time.
type said struct {
	made   map[string]string
	buf    []byte
	says   behaviour
	values [8]string
}

// maxMadeTexts bounds it; a full one begins anew.
const maxMadeTexts = 4096

func (x *said) join(parts ...string) string {
	x.buf = x.buf[:0]
	for _, p := range parts {
		x.buf = append(x.buf, p...)
	}
	return x.text(x.buf)
}

func (x *said) prefix(p netip.Prefix) string {
	x.buf = p.AppendTo(x.buf[:0])
	return x.text(x.buf)
}

func (x *said) number(before string, n uint64) string {
	x.buf = strconv.AppendUint(append(x.buf[:0], before...), n, 10)
	return x.text(x.buf)
}

func (x *said) text(b []byte) string {
	if known, ok := x.made[string(b)]; ok {
		return known
	}
	if x.made == nil || len(x.made) >= maxMadeTexts {
		x.made = map[string]string{}
	}
	t := string(b)
	x.made[t] = t
	return t
}
