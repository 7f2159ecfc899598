package kube

import (
	"context"
	"net/http"
	"slices"
)

// Review is what an API server says of a token.
type Review struct {
	// Authenticated: it is valid now, for the audience that was asked about.
	Authenticated bool
	User          string
	// Why is what the server says against it.
	Why string
}

// ReviewToken asks whose a token is. Only a token that was made for the audience
// is authenticated: one for the API server itself is no proof of anything here.
func (c *Client) ReviewToken(ctx context.Context, token, audience string) (Review, error) {
	body := map[string]any{
		"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
		"spec": map[string]any{"token": token, "audiences": []string{audience}},
	}
	var out struct {
		Status struct {
			Authenticated bool     `json:"authenticated"`
			Audiences     []string `json:"audiences"`
			Error         string   `json:"error"`
			User          struct {
				Username string `json:"username"`
			} `json:"user"`
		} `json:"status"`
	}
	at := Path{Group: "authentication.k8s.io", Version: "v1", Resource: "tokenreviews"}
	if err := c.do(ctx, request{method: http.MethodPost, at: at, kind: "application/json", body: body}, &out); err != nil {
		return Review{}, err
	}
	s := &out.Status
	return Review{
		// An authenticator that knows nothing of audiences leaves them out.
		Authenticated: s.Authenticated && slices.Contains(s.Audiences, audience) && s.User.Username != "",
		User:          s.User.Username, Why: Plain(s.Error, maxMessage),
	}, nil
}
