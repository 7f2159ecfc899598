package decode

import (
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// identity reads userIdentity, which stays as JSON besides.
func (d *Decoder) identity(s *jsonscan.Scanner, t *event.Trail) error {
	s.Space()
	start := s.Pos
	id := &t.Identity
	err := members(s, "userIdentity", func(key []byte) (err error) {
		switch string(key) {
		case "type":
			return text(s, key, &id.Type)
		case "principalId":
			return text(s, key, &id.PrincipalID)
		case "arn":
			return text(s, key, &id.ARN)
		case "accountId":
			return text(s, key, &id.AccountID)
		case "accessKeyId":
			return text(s, key, &id.AccessKeyID)
		case "userName":
			return text(s, key, &id.UserName)
		case "invokedBy":
			return text(s, key, &id.InvokedBy)
		case "sessionContext":
			return d.session(s, id)
		case "inScopeOf":
			return members(s, "inScopeOf", func(key []byte) (err error) {
				switch string(key) {
				case "sourceArn":
					return text(s, key, &id.SourceARN)
				case "credentialsIssuedTo":
					return text(s, key, &id.IssuedTo)
				}
				_, err = s.Skip()
				return err
			})
		}
		_, err = s.Skip()
		return err
	})
	if v := s.Data[start:s.Pos]; string(v) != "null" {
		t.IdentityJSON = v
	}
	return err
}

// session reads the context of temporary credentials.
func (d *Decoder) session(s *jsonscan.Scanner, id *event.Identity) error {
	return members(s, "sessionContext", func(key []byte) (err error) {
		switch string(key) {
		case "attributes":
			return members(s, "sessionContext.attributes", func(key []byte) (err error) {
				switch string(key) {
				case "mfaAuthenticated":
					mfa, err := truth(s, key)
					id.MFA = mfa == yes
					return err
				case "creationDate":
					id.SessionAt, err = d.times.read(s, key)
					return err
				}
				_, err = s.Skip()
				return err
			})
		case "sessionIssuer":
			return issuer(s, &id.Issuer)
		case "ec2RoleDelivery":
			return text(s, key, &id.RoleDelivery)
		}
		_, err = s.Skip()
		return err
	})
}

func issuer(s *jsonscan.Scanner, i *event.Issuer) error {
	return members(s, "sessionIssuer", func(key []byte) (err error) {
		switch string(key) {
		case "type":
			return text(s, key, &i.Type)
		case "principalId":
			return text(s, key, &i.PrincipalID)
		case "arn":
			return text(s, key, &i.ARN)
		case "accountId":
			return text(s, key, &i.AccountID)
		case "userName":
			return text(s, key, &i.UserName)
		}
		_, err = s.Skip()
		return err
	})
}
