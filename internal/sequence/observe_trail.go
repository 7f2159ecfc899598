package sequence

import (
	"strings"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// call notes steps and edges in an API call of AWS.
func (b *Book) call(ev *event.Event) {
	t := ev.Trail
	id := &t.Identity
	if t.EventType == "AwsServiceEvent" || id.InvokedBy != "" || id.Type == "AWSService" || strings.Contains(id.Issuer.ARN, ":role/aws-service-role/") {
		return
	}
	if t.ErrorCode != "" {
		if isDenial(t.ErrorCode) {
			b.weakCall(ev, b.rules.denied["denied-call"])
		}
		return
	}
	service := strings.TrimSuffix(t.Service, ".amazonaws.com")
	for _, k := range b.rules.calls[t.Name] {
		if k.groups[service] {
			b.weakCall(ev, k)
		}
	}
	switch service {
	case "sts", "iam", "eks":
		b.callEdges(ev)
	}
}

// weakCall notes a call. What is counted are the calls, or the things they are
// about where one call is all there is.
func (b *Book) weakCall(ev *event.Event, k *rule) {
	t := ev.Trail
	name := t.Name
	switch k.name {
	case "ObjectsDestroyed", "ObjectsRead":
		name += " " + t.RequestNode().Text("key")
	case "SecretsRead":
		req := t.RequestNode()
		name += " " + req.Text("secretId") + req.Text("name") + req.Text("path")
	case "BackupsDestroyed":
		name += " " + string(t.Request[:min(len(t.Request), 200)])
	}
	source := "CLOUD_TRAIL"
	if !t.Management && t.Service == "s3.amazonaws.com" {
		source = "S3_DATA_EVENTS"
	}
	place := t.SourceIP
	if strings.HasSuffix(place, ".amazonaws.com") || place == "AWS Internal" {
		place = ""
	}
	b.weak(ev, k, callerOf(&t.Identity), source, name, t.EventID, place)
}

func isDenial(code string) bool {
	return strings.Contains(code, "AccessDenied") || strings.Contains(code, "Unauthorized") || code == "Client.UnauthorizedOperation"
}

func bucketOf(t *event.Trail) string {
	if t.Service != "s3.amazonaws.com" {
		return ""
	}
	return t.RequestNode().Text("bucketName")
}

// callEdges learns who took which role, and who made which credentials.
func (b *Book) callEdges(ev *event.Event) {
	t := ev.Trail
	id := &t.Identity
	who := principalOf(id.PrincipalID)
	switch t.Name {
	case "AssumeRole", "AssumeRoleWithWebIdentity", "AssumeRoleWithSAML":
		res := t.ResponseNode()
		taken := principalOf(res.Text("assumedRoleUser", "assumedRoleId"))
		if ns, name, ok := serviceAccountOf(id.UserName); ok {
			who = entity(kindSubject, t.Recipient, ns, name)
			b.edge(ev, who, entity(kindRole, t.RequestNode().Text("roleArn")), "takes the role", false)
			b.edge(ev, who, entity(kindKey, res.Text("credentials", "accessKeyId")), "got the session", false)
		}
		b.edge(ev, who, taken, "took the role of", false)
	case "CreateAccessKey":
		key := t.ResponseNode().Get("accessKey")
		b.edge(ev, who, entity(kindKey, key.Text("accessKeyId")), "made the key", false)
		b.edge(ev, who, entity(kindUser, t.Recipient, key.Text("userName")), "made a key of", false)
	case "CreateUser", "CreateLoginProfile", "UpdateLoginProfile":
		b.edge(ev, who, entity(kindUser, t.Recipient, t.RequestNode().Text("userName")), "made or unlocked", false)
	case "CreatePodIdentityAssociation":
		req := t.RequestNode()
		cluster := textOf(req, "clusterName", "name")
		account := entity(kindAccount, t.Recipient, t.Region, cluster, req.Text("namespace"), req.Text("serviceAccount"))
		b.edge(ev, account, entity(kindRole, req.Text("roleArn")), "has the role", true)
	}
}

func textOf(n *jsonscan.Node, names ...string) string {
	for _, name := range names {
		if v := n.Text(name); v != "" {
			return v
		}
	}
	return ""
}
