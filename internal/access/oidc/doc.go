// Package oidc lets people prove who they are at an identity provider that
// speaks OpenID Connect: a browser by the authorization code flow with PKCE
// ([Provider.Begin], [Provider.Finish]), a script by an ID token
// ([Provider.Verify]). What somebody may do follows from the groups that the
// provider says he is in.
//
// A token is taken only with a signature by RS256, ES256 or EdDSA of a key that
// the provider publishes, for our client, within its time. Nothing that stands
// in a token says which key or algorithm to trust.
package oidc
