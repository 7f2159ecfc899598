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
		{"IAMRoleExternalAccess", manipulated, 5, "iam", "CreateRole", false, trustedFromOutside}, // not AWS's: the same with a new role
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
	more := c.t.AdditionalNode()
	return h, (id.Type == "IAMUser" || id.Type == "Root") && c.signedIn() && more.Text("MFAUsed") == "No" && more.Text("SamlProviderArn") == ""
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
	return c.trusts("policyDocument", "changed the trust policy of role ", false)
}

// trustedFromOutside: a new role may be taken by everybody, or by an account
// that is not the operator's. Vendors ask for an external id, which those who
// come back by such a role do without.
func trustedFromOutside(c *apiCall) (hit, bool) {
	return c.trusts("assumeRolePolicyDocument", "created role ", true)
}

// trusts looks at a trust policy. Accounts that need an external id are passed
// over for vendors.
func (c *apiCall) trusts(field, did string, vendors bool) (hit, bool) {
	name := c.req().Text("roleName")
	h := hit{resource: resource("IAM_ROLE", "iam", name)}
	whom := ""
	for _, st := range nodes(policyNode(c.req().Get(field)).Get("Statement")) {
		if !strings.EqualFold(st.Text("Effect"), "Allow") {
			continue
		}
		who, limits := principalsOf(st), conditionsOf(st.Get("Condition"))
		external := c.externalAccounts(append(who.accounts, limits.accounts...))
		switch {
		case limits.inOrganization:
		case who.everyone && !limits.fixed:
			whom, h.why = "everybody", "a statement lets everybody take the role"
		case len(external) > 0 && vendors && strings.Contains(strings.ToLower(limits.text), "sts:externalid"):
		case len(external) > 0:
			whom = "account " + strings.Join(external, ", ")
			h.why = "a statement lets " + whom + " take the role, which is none of the operator's"
		case slices.ContainsFunc(texts(st.Get("Principal", "AWS")), func(p string) bool { return strings.HasSuffix(p, ":role/"+name) && name != "" }):
			whom, h.why = "the role itself", "a statement lets the role take itself"
		}
	}
	h.did = did + shown(name) + " so that " + whom + " may take it"
	return h, whom != ""
}

func bedrockCredential(c *apiCall) (hit, bool) {
	name := c.req().Text("userName")
	h := hit{did: "made an API key of Bedrock for user " + shown(name), why: "serviceName is bedrock.amazonaws.com", resource: resource("IAM_USER", "iam", name)}
	return h, c.req().Text("serviceName") == "bedrock.amazonaws.com"
}
