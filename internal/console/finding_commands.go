package console

import (
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
)

// command is one that a person may run. Nothing here is ever run by us.
type command struct {
	What    string // it does, in words
	Text    string
	Changes bool // something; the others only look
}

// commands collects them. A name that cannot stand in one, or that a program
// would take for an option, leaves the command out.
type commands struct{ list []command }

func (c *commands) look(what string, words ...string)   { c.put(what, false, words) }
func (c *commands) change(what string, words ...string) { c.put(what, true, words) }

// put joins words. One of the form -x=@ or @ stands for the value after it.
func (c *commands) put(what string, changes bool, words []string) {
	var out []string
	for i := 0; i < len(words); i++ {
		w := words[i]
		before, isValue := strings.CutSuffix(w, "@")
		if !isValue {
			out = append(out, w)
			continue
		}
		i++
		value := words[i]
		if value == "" || len(value) > 1000 || shown(value) != value || before == "" && strings.HasPrefix(value, "-") {
			return
		}
		out = append(out, before+quote(value))
	}
	c.list = append(c.list, command{what, strings.Join(out, " "), changes})
}

// quote writes a text so that a POSIX shell takes it as one word, as it is.
func quote(s string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%_+=:,./-"
	if s != "" && strings.Trim(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// commandsOf are commands about what a finding names: first those that look.
func commandsOf(f *finding.Finding) []command {
	var c commands
	r := f.Resource
	kubernetesCommands(&c, f)
	if k := r.AccessKeyDetails; k != nil {
		if k.AccessKeyID != "" {
			c.look("What was done with the access key", "aws cloudtrail lookup-events --region @", f.Region, "--lookup-attributes AttributeKey=AccessKeyId,AttributeValue=@", k.AccessKeyID)
		}
		switch k.UserType {
		case "IAMUser":
			c.look("The keys of the user", "aws iam list-access-keys --user-name=@", k.UserName)
			c.change("Stop the access key", "aws iam update-access-key --status Inactive --access-key-id=@", k.AccessKeyID, "--user-name=@", k.UserName)
		case "AssumedRole", "Role":
			c.look("The role", "aws iam get-role --role-name=@", k.UserName)
		}
	}
	if i := r.InstanceDetails; i != nil && strings.HasPrefix(i.InstanceID, "i-") {
		c.look("The instance", "aws ec2 describe-instances --region @", f.Region, "--instance-ids @", i.InstanceID)
		c.look("Its volumes, to keep a copy of", "aws ec2 describe-volumes --region @", f.Region, "--filters Name=attachment.instance-id,Values=@", i.InstanceID)
		c.change("Keep it from being ended", "aws ec2 modify-instance-attribute --region @", f.Region, "--disable-api-termination --instance-id @", i.InstanceID)
	}
	for _, b := range r.S3BucketDetails[:min(len(r.S3BucketDetails), 2)] {
		c.look("Who may read the bucket", "aws s3api get-bucket-policy --bucket=@", b.Name)
		c.change("Close the bucket to the public", "aws s3api put-public-access-block --bucket=@", b.Name,
			"--public-access-block-configuration BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true")
	}
	if l := r.LambdaDetails; l != nil {
		c.look("The function", "aws lambda get-function --region @", f.Region, "--function-name=@", l.FunctionName)
		c.change("Stop the function", "aws lambda put-function-concurrency --region @", f.Region, "--reserved-concurrent-executions 0 --function-name=@", l.FunctionName)
	}
	return c.list
}

func kubernetesCommands(c *commands, f *finding.Finding) {
	k := f.Resource.KubernetesDetails
	if k == nil {
		return
	}
	if w := k.KubernetesWorkloadDetails; w != nil && w.Name != "" && w.Type != "" {
		in := []string{}
		if w.Namespace != "" {
			in = []string{"--namespace=@", w.Namespace}
		}
		with := func(verb string, rest ...string) []string {
			return append(append([]string{verb}, rest...), in...)
		}
		c.look("The "+strings.TrimSuffix(w.Type, "s")+" as it is now", with("kubectl get -o yaml", "@", w.Type, "@", w.Name)...)
		if w.Type == "pods" {
			c.look("Where it runs, and its events", with("kubectl describe pods", "@", w.Name)...)
			c.look("Its log", with("kubectl logs --all-containers --tail=200", "@", w.Name)...)
		}
		c.change("Delete it, once you kept what you need", with("kubectl delete", "@", w.Type, "@", w.Name)...)
	}
	if u := k.KubernetesUserDetails; u != nil && u.Username != "" {
		args := []string{"kubectl auth can-i --list --as=@", u.Username}
		for _, g := range u.Groups[:min(len(u.Groups), 10)] {
			args = append(args, "--as-group=@", g)
		}
		c.look("What the user may do", args...)
	}
}

// filled are steps with the names of the finding in the place of <POD> and the
// like: those that a shell takes as they are. The others a person fills in.
func filled(steps []string, f *finding.Finding) []string {
	names := map[string]string{}
	r := f.Resource
	if k := r.KubernetesDetails; k != nil {
		if w := k.KubernetesWorkloadDetails; w != nil {
			names["NAMESPACE"] = w.Namespace
			if w.Type == "pods" {
				names["POD"] = w.Name
			}
			if len(w.Containers) == 1 {
				names["CONTAINER"] = w.Containers[0].Name
			}
		}
		if u := k.KubernetesUserDetails; u != nil {
			names["USER"] = u.Username
			if node, ok := strings.CutPrefix(u.Username, nodeUser); ok {
				names["NODE"] = node
			}
		}
	}
	if c := r.EKSClusterDetails; c != nil {
		names["CLUSTER"] = c.Name
	}
	if k := r.AccessKeyDetails; k != nil {
		names["KEY"], names["USER"] = k.AccessKeyID, k.UserName
	}
	if i := r.InstanceDetails; i != nil {
		names["INSTANCE"] = i.InstanceID
	}
	if len(r.S3BucketDetails) == 1 {
		names["BUCKET"] = r.S3BucketDetails[0].Name
	}
	if l := r.LambdaDetails; l != nil {
		names["FUNCTION"] = l.FunctionName
	}
	var pairs []string
	for _, name := range sortedKeys(names) {
		if v := names[name]; v != "" && quote(v) == v && !strings.HasPrefix(v, "-") && len(v) <= 253 {
			pairs = append(pairs, "<"+name+">", v)
		}
	}
	in := strings.NewReplacer(pairs...)
	out := make([]string, len(steps))
	for i, s := range steps {
		out[i] = in.Replace(s)
	}
	return out
}
