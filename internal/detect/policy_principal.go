package detect

import (
	"strings"

	"github.com/vedette-project/vedette/internal/jsonscan"
)

// principals are those whom a statement names.
type principals struct {
	everyone bool
	accounts []string
	text     string // how everyone is named
}

// principalsOf reads Principal and NotPrincipal. Services, identity providers
// and canonical users are not accounts, and their ids say nothing.
func principalsOf(st *jsonscan.Node) principals {
	var out principals
	if st.Has("NotPrincipal") { // everyone but those
		return principals{everyone: true, text: "everyone but " + shown(strings.Join(texts(st.Get("NotPrincipal", "AWS")), ", "))}
	}
	p := st.Get("Principal")
	for _, s := range texts(p) { // "*" and nothing else
		out.add(s, "Principal "+s)
	}
	for _, s := range texts(p.Get("AWS")) {
		out.add(s, "Principal AWS "+s)
	}
	for _, s := range texts(p.Get("*")) {
		out.add(s, "Principal "+s)
	}
	return out
}

func (p *principals) add(s, text string) {
	if s == "*" {
		p.everyone, p.text = true, text
	} else if a := arnAccount(s); a != "" {
		p.accounts = append(p.accounts, a)
	}
}

// arnAccount is the account in an ARN, or the account id that stands alone;
// "" where there is none.
func arnAccount(s string) string {
	if isAccountID(s) {
		return s
	}
	parts := strings.SplitN(s, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" || !isAccountID(parts[4]) {
		return ""
	}
	return parts[4]
}

func isAccountID(s string) bool {
	return len(s) == 12 && strings.Trim(s, "0123456789") == ""
}
