// Package identity lets tests act as the callers of an EKS cluster: people
// and pipelines that hold an AWS role, and the nodes.
//
// A token carries the whole identity. The hook that the API server asks for a
// token review unpacks it and answers as aws-iam-authenticator does, with the
// same user names, groups and extra keys, so that the audit log shows what an
// EKS audit log shows.
package identity

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Account is the AWS account that all identities belong to.
const Account = "111122223333"

const prefix = "k8s-aws-v1." // of every token that aws-iam-authenticator makes

// Actor is one caller.
type Actor struct {
	Role     string   `json:"role"`
	Session  string   `json:"session"`
	Groups   []string `json:"groups"`
	Username string   `json:"username,omitempty"` // empty means the session's ARN
	IP       string   `json:"ip,omitempty"`       // the address it calls from; empty means loopback
}

// Admin is the creator of the cluster, which EKS makes a system:masters.
func Admin() Actor {
	return Actor{Role: "cluster-creator", Session: "admin", Groups: []string{"system:masters"}, Username: "kubernetes-admin", IP: "198.51.100.10"}
}

// Node is the identity of one node's kubelet.
func Node(name string) Actor {
	return Actor{Role: "eks-node-role", Session: instanceID(name), Groups: []string{"system:bootstrappers", "system:nodes"}, Username: "system:node:" + name}
}

// ARN is the session's ARN.
func (a Actor) ARN() string {
	return fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", Account, a.Role, a.Session)
}

// Name is the Kubernetes user name.
func (a Actor) Name() string {
	if a.Username != "" {
		return a.Username
	}
	return a.ARN()
}

// Token is the bearer token with which the actor calls.
func (a Actor) Token() string {
	b, err := json.Marshal(a)
	if err != nil {
		panic(err) // strings only: cannot fail
	}
	return prefix + base64.RawURLEncoding.EncodeToString(b)
}

func parse(token string) (Actor, error) {
	enc, ok := strings.CutPrefix(token, prefix)
	if !ok {
		return Actor{}, errors.New("not an authenticator token")
	}
	b, err := base64.RawURLEncoding.DecodeString(enc)
	if err != nil {
		return Actor{}, fmt.Errorf("unpack the token: %w", err)
	}
	var a Actor
	if err := json.Unmarshal(b, &a); err != nil {
		return Actor{}, fmt.Errorf("read the token: %w", err)
	}
	return a, nil
}

// user is the answer for this actor in the shape of a TokenReview's status.
func (a Actor) user() map[string]any {
	principal := "AROA" + letters(a.Role, 17)
	return map[string]any{
		"username": a.Name(),
		"uid":      "aws-iam-authenticator:" + Account + ":" + principal,
		"groups":   a.Groups,
		"extra": map[string][]string{
			"accessKeyId":  {"ASIA" + letters(a.Role+"/"+a.Session, 16)},
			"arn":          {a.ARN()},
			"canonicalArn": {fmt.Sprintf("arn:aws:iam::%s:role/%s", Account, a.Role)},
			"principalId":  {principal},
			"sessionName":  {a.Session},
		},
	}
}

// letters gives n characters that look like an AWS identifier and are always
// the same for the same seed.
func letters(seed string, n int) string {
	sum := sha256.Sum256([]byte(seed))
	return base32.StdEncoding.EncodeToString(sum[:])[:n]
}

func instanceID(node string) string {
	return fmt.Sprintf("i-0%x", sha256.Sum256([]byte(node)))[:19]
}
