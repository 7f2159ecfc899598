package detect

import (
	"slices"
	"strings"

	"github.com/vedette-project/vedette/internal/jsonscan"
)

func otherRules() []catalogRule {
	const hijack = "Impact:SES/ResourceHijacking"
	return []catalogRule{
		{"OrganizationLeaveAttempt", "DefenseImpairment:Organizations/ModifyCloudResourceHierarchy", 8, "organizations", "LeaveOrganization", true,
			always("tried to take the account out of its organization", "", "organizations", "-")},
		{"OrganizationPolicyDisabled", "DefenseImpairment:Organizations/DisableOrModifyTools", 8, "organizations", "DisablePolicyType", false,
			always("switched off organization policies of type", "ORGANIZATION_POLICY_TYPE", "organizations", "policyType")},
		{"DNSQueryLogsDeleted", "DefenseImpairment:Route53Resolver/DisableOrModifyTools", 5, "route53resolver",
			"DeleteResolverQueryLogConfig DisassociateResolverQueryLogConfig", false,
			always("ended the log of DNS queries", "ROUTE53_RESOLVER_QUERY_LOG_CONFIG", "route53resolver", "resolverQueryLogConfigId")},
		{"SageMakerLifecycleConfigModified", "Execution:SageMaker/CommandAndScriptingInterpreter", 5, "sagemaker",
			"UpdateNotebookInstanceLifecycleConfig UpdateNotebookInstance", false, notebookScript},
		{"SESAccountSendingEnabled", hijack, 2, "ses", "UpdateAccountSendingEnabled PutAccountSendingAttributes", false, sendingEnabled},
		{"SESProductionAccessEnabled", hijack, 5, "ses", "PutAccountDetails", false, productionAccess},
		{"SESDomainIdentityVerified", "ResourceDevelopment:SES/CompromiseAccounts", 5, "ses", "VerifyDomainIdentity VerifyDomainDkim CreateEmailIdentity", false, domainIdentity},
		{"LambdaFunctionPublicAccess", "Persistence:Lambda/AccountManipulation", 8, "lambda", "AddPermission", false, functionPublic},
		{"LambdaFunctionUrlPublicAccess", "Persistence:Lambda/ModifyAuthenticationProcess", 8, "lambda", "CreateFunctionUrlConfig UpdateFunctionUrlConfig AddPermission", false, functionURLPublic},
	}
}

func notebookScript(c *apiCall) (hit, bool) {
	name := member(c.req(), "notebookInstanceLifecycleConfigName").Text()
	if c.t.Name == "UpdateNotebookInstance" {
		name = member(c.req(), "lifecycleConfigName").Text()
	}
	return hit{
		did: "changed the script " + shown(name) + " that notebooks run when they start", why: "a lifecycle configuration was changed, or given to a notebook",
		resource: resource("SAGEMAKER_LIFECYCLE_CONFIG", "sagemaker", name),
	}, name != ""
}

func sendingEnabled(c *apiCall) (hit, bool) {
	on := saysYes(member(c.req(), "enabled")) || saysYes(member(c.req(), "sendingEnabled"))
	return hit{did: "switched the sending of e-mail on", why: "sending was enabled for the account"}, on
}

func productionAccess(c *apiCall) (hit, bool) {
	return hit{did: "asked for e-mail to be sent to anybody", why: "productionAccessEnabled is true"}, saysYes(member(c.req(), "productionAccessEnabled"))
}

func domainIdentity(c *apiCall) (hit, bool) {
	name := member(c.req(), "domain").Text() + member(c.req(), "emailIdentity").Text()
	h := hit{did: "had domain " + shown(name) + " verified as a sender of e-mail", why: "the identity is a domain", resource: resource("SES_IDENTITY", "ses", name)}
	return h, name != "" && !strings.Contains(name, "@")
}

func functionHit(c *apiCall, did, why string) hit {
	name := member(c.req(), "functionName").Text()
	return hit{did: did + " " + shown(name), why: why, resource: resource("LAMBDA_FUNCTION", "lambda", name)}
}

// byEverybody reports whether a permission of a function is for everybody: no
// account, organization or resource is asked for beside the principal.
func byEverybody(req *jsonscan.Node) bool {
	if member(req, "principal").Text() != "*" {
		return false
	}
	return !slices.ContainsFunc([]string{"sourceArn", "sourceAccount", "principalOrgID", "eventSourceToken"}, func(f string) bool {
		return member(req, f).Text() != ""
	})
}

func functionPublic(c *apiCall) (hit, bool) {
	h := functionHit(c, "let everybody call Lambda function", "principal is * and nothing limits it")
	return h, byEverybody(c.req()) && !isNone(c.req(), "functionUrlAuthType")
}

// functionURLPublic: an address of a function asks nobody who they are. A
// permission for that is one half of it, the URL's setting the other.
func functionURLPublic(c *apiCall) (hit, bool) {
	if strings.HasPrefix(c.t.Name, "AddPermission") {
		h := functionHit(c, "let everybody call the URL of Lambda function", "principal is * with functionUrlAuthType NONE")
		return h, byEverybody(c.req()) && isNone(c.req(), "functionUrlAuthType")
	}
	return functionHit(c, "gave a public URL to Lambda function", "authType is NONE"), isNone(c.req(), "authType")
}

func isNone(req *jsonscan.Node, field string) bool { return member(req, field).Text() == "NONE" }
