package oidc

import (
	"context"
	"errors"
	"net/http"

	"github.com/vedette-project/vedette/internal/access"
)

// Key finds whose an ID token is, for an [access.Verifier]. A refusal is an
// *access.Error, in words for the caller; any other error is ErrUnavailable.
func (p *Provider) Key(ctx context.Context, token string) (access.Key, error) {
	who, err := p.Verify(ctx, token)
	switch {
	case errors.Is(err, ErrNoRole):
		return access.Key{}, &access.Error{Code: access.CodeAccessDenied, Message: err.Error(), Status: http.StatusForbidden}
	case errors.Is(err, ErrRefused):
		return access.Key{}, &access.Error{Code: access.CodeUnknownKey, Message: err.Error(), Status: http.StatusForbidden}
	case err != nil:
		return access.Key{}, err
	}
	return who.Key(), nil
}
