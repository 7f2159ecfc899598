package detect

import (
	"slices"
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

const typeAccountManipulation = "PrivilegeEscalation:IAM/AccountManipulation"

func iamRules() []catalogRule {
	const manipulated = "Persistence:IAM/AccountManipulation"
	return []catalogRule{
		{"ConsoleLoginWithoutMFA", "InitialAccess:IAM/ValidAccounts", 5, "signin", "ConsoleLogin", false, loginWithoutMFA},
		{"IAMAccessKeyCreated", manipulated, 2, "iam", "CreateAccessKey", false, always("made an access key for user", "IAM_USER", "iam", "userName")},
		{"IAMUserLoginProfileCreated", manipulated, 8, "iam", "CreateLoginProfile", false, always("gave a console password to user", "IAM_USER", "iam", "userName")},
		{"IAMUserLoginProfileUpdated", manipulated, 5, "iam", "UpdateLoginProfile", false, always("changed the console password of user", "IAM_USER", "iam", "userName")},
		{"IAMRoleTrustPolicyModified", manipulated, 5, "iam", "UpdateAssumeRolePolicy", false, trustModified},
		{"AdminPolicyAttachedToRole", typeAccountManipulation, 8, "iam", "AttachRolePolicy PutRolePolicy", false, policyAttached("AdministratorAccess", true)},
		{"AdminPolicyAttachedToUser", typeAccountManipulation, 8, "iam", "AttachUserPolicy PutUserPolicy", false, policyAttached("AdministratorAccess", true)},
		{"SESFullAccessPolicyAttachedToRole", typeAccountManipulation, 5, "iam", "AttachRolePolicy", false, policyAttached("AmazonSESFullAccess", false)},
		{"SESFullAccessPolicyAttachedToUser", typeAccountManipulation, 5, "iam", "AttachUserPolicy", false, policyAttached("AmazonSESFullAccess", false)},
		{"BedrockServiceCredentialCreated", typeAccountManipulation, 5, "iam", "CreateServiceSpecificCredential", false, bedrockCredential},
		{"RolesAnywhereTrustAnchorCreated", "Persistence:RolesAnywhere/AccountManipulation", 5, "rolesanywhere", "CreateTrustAnchor", false,
			always("made the IAM Roles Anywhere trust anchor", "ROLES_ANYWHERE_TRUST_ANCHOR", "rolesanywhere", "name")},
	}
}

// loginWithoutMFA: a user of the account's own, or the root user; those of an
// identity provider show their second factor there.
func loginWithoutMFA(c *apiCall) (hit, bool) {
	id := &c.t.Identity
	h := hit{did: "logged in to the console without MFA", why: "ConsoleLogin is Success and MFAUsed is No"}
	if id.ARN != "" {
		h.resource = finding.ResourceV2{UID: strings.Clone(id.ARN), ResourceType: "IAM_USER", Service: "iam", Name: c.userName()}
	}
	return h, (id.Type == "IAMUser" || id.Type == "Root") && c.signedIn() && c.t.AdditionalNode().Text("MFAUsed") == "No"
}

// principalName is the user or role that an IAM call is about.
func principalName(c *apiCall) (kind, name string) {
	if n := c.req().Text("roleName"); n != "" {
		return "IAM_ROLE", n
	}
	return "IAM_USER", c.req().Text("userName")
}

// policyAttached: a policy of AWS is attached, or one that amounts to
// AdministratorAccess is written into a user or role.
func policyAttached(policy string, inline bool) func(*apiCall) (hit, bool) {
	return func(c *apiCall) (hit, bool) {
		kind, name := principalName(c)
		arn := c.req().Text("policyArn")
		h := hit{did: "attached " + policy + " to " + shown(name), why: "policyArn is " + shown(arn), resource: resource(kind, "iam", name)}
		if strings.HasPrefix(c.t.Name, "Put") {
			h.did, h.why = "wrote a policy that allows everything into "+shown(name), "a statement of policyDocument allows every action on every resource"
			return h, inline && allowsEverything(policyNode(c.req().Get("policyDocument")))
		}
		return h, strings.HasPrefix(arn, "arn:aws") && strings.HasSuffix(arn, ":iam::aws:policy/"+policy)
	}
}

func allowsEverything(doc *jsonscan.Node) bool {
	return slices.ContainsFunc(nodes(doc.Get("Statement")), func(st *jsonscan.Node) bool {
		actions := texts(st.Get("Action"))
		return strings.EqualFold(st.Text("Effect"), "Allow") && len(st.Get("Condition").Keys()) == 0 &&
			slices.Contains(texts(st.Get("Resource")), "*") && (slices.Contains(actions, "*") || slices.Contains(actions, "*:*"))
	})
}

// trustModified: a role may now be taken by everybody, by an account that is
// not the operator's, or by itself.
func trustModified(c *apiCall) (hit, bool) {
	name := c.req().Text("roleName")
	h := hit{did: "changed who may take role " + shown(name), resource: resource("IAM_ROLE", "iam", name)}
	for _, st := range nodes(policyNode(c.req().Get("policyDocument")).Get("Statement")) {
		if !strings.EqualFold(st.Text("Effect"), "Allow") {
			continue
		}
		who, limits := principalsOf(st), conditionsOf(st.Get("Condition"))
		external := c.externalAccounts(append(who.accounts, limits.accounts...))
		switch {
		case limits.inOrganization:
		case who.everyone && !limits.fixed:
			h.why = "a statement lets everybody take the role"
		case len(external) > 0:
			h.why = "a statement lets account " + strings.Join(external, ", ") + " take the role, which is none of the operator's"
		case slices.ContainsFunc(texts(st.Get("Principal", "AWS")), func(p string) bool { return strings.HasSuffix(p, ":role/"+name) && name != "" }):
			h.why = "a statement lets the role take itself"
		}
	}
	return h, h.why != ""
}

func bedrockCredential(c *apiCall) (hit, bool) {
	name := c.req().Text("userName")
	h := hit{did: "made an API key of Bedrock for user " + shown(name), why: "serviceName is bedrock.amazonaws.com", resource: resource("IAM_USER", "iam", name)}
	return h, c.req().Text("serviceName") == "bedrock.amazonaws.com"
}
