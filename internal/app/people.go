package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/access/oidc"
	"github.com/vedette-project/vedette/internal/api"
	"github.com/vedette-project/vedette/internal/config"
)

// OpenPeople makes the identity provider of a configuration, nil where it
// names none. A provider that does not answer now is asked again when it is
// needed: the server starts without it.
func OpenPeople(ctx context.Context, c *config.Config, now func() time.Time) (*oidc.Provider, error) {
	o, err := peopleOptions(c)
	if o == nil || err != nil {
		return nil, err
	}
	o.Now = now
	p, err := oidc.New(ctx, *o)
	if err != nil {
		return nil, fmt.Errorf("access.oidc: %w", err)
	}
	return p, nil
}

// peopleOptions reads the files that the configuration names for it.
func peopleOptions(c *config.Config) (*oidc.Options, error) {
	in := &c.Access.OIDC
	if in.Issuer == "" {
		return nil, nil
	}
	o := &oidc.Options{
		Issuer: in.Issuer, ClientID: in.ClientID, Scopes: in.Scopes, GroupsClaim: in.GroupsClaim,
		Roles: oidc.Roles{Admin: in.Roles.Admin, Analyst: in.Roles.Analyst, ReadOnly: in.Roles.ReadOnly}, Accounts: in.Accounts,
	}
	const secretKey = "access.oidc.clientSecretFile"
	err := checkSecret(secretKey, in.ClientSecretFile)
	if err == nil {
		o.ClientSecret, err = secret(secretKey, in.ClientSecretFile)
	}
	if in.CAFile != "" {
		var fault error
		o.RootCAs, fault = authorities("access.oidc.caFile", in.CAFile)
		err = errors.Join(err, fault)
	}
	return o, err
}

// CheckPeople reads the files that the configuration names for the identity
// provider. The provider itself is asked for by nobody.
func CheckPeople(c *config.Config) error {
	_, err := peopleOptions(c)
	return err
}

// tokens finds whose ID tokens are, for the API; nil without a provider.
func (k *Keys) tokens(p *oidc.Provider) func(context.Context, string) (access.Key, error) {
	if p == nil {
		return nil
	}
	return func(ctx context.Context, token string) (access.Key, error) {
		key, err := p.Key(ctx, token)
		if err == nil {
			key.Secret = k.sealer.SecretOf(key.ID) // seals the paging tokens
		}
		return key, err
	}
}

// as is api.As for a person whom the console knows.
func (k *Keys) as(ctx context.Context, key access.Key) context.Context {
	key.Secret = k.sealer.SecretOf(key.ID) // seals the paging tokens
	return api.As(ctx, key)
}
