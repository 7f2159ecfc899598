package detect

import "github.com/vedette-project/vedette/internal/jsonscan"

// rootUsage looks for calls with the credentials of the root user. A login
// that failed used none, and pages of the console that lead to one are no use
// either. Services that act for the account are no root user, although
// CloudTrail names it; judgeTrail does not ask about those.
func (c *apiCall) rootUsage() {
	t := c.t
	if t.Identity.Type != "Root" {
		return
	}
	if t.EventType == "AwsConsoleSignIn" && !c.signedIn() && t.Name != "PasswordUpdated" {
		return
	}
	typ, title := "Policy:IAMUser/RootCredentialUsage", "The root user of the account was used."
	why := "userIdentity.type is Root, and no AWS service made the call"
	if c.assumedRoot() {
		typ, title = "Policy:IAMUser/ShortTermRootCredentialUsage", "Short-term credentials of the root user were used."
		why = "userIdentity.type is Root with sessionContext.assumedRoot true: credentials of sts:AssumeRoot"
	}
	s := c.claimCall(typ, "root")
	s.Title = title
	s.Description = c.who() + " called " + shown(t.Name) + c.from() + c.outcome() + "."
	s.Why = why
	c.raise(s)
}

// assumedRoot reports whether the credentials are those that sts:AssumeRoot
// gives for a task, and no more.
func (c *apiCall) assumedRoot() bool {
	n, _ := jsonscan.Parse(c.t.IdentityJSON)
	return saysYes(n.Get("sessionContext", "assumedRoot"))
}

// signedIn reports whether this is a login to the console that succeeded.
func (c *apiCall) signedIn() bool {
	return c.t.Name == "ConsoleLogin" && c.res().Text("ConsoleLogin") == "Success"
}
