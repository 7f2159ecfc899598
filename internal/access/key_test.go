package access

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestNewKeyHasTheShapesOfAWS(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		k, err := NewKey(RoleAnalyst)
		if err != nil {
			t.Fatal(err)
		}
		if !ValidID(k.ID) || len(k.ID) != 20 || !strings.HasPrefix(k.ID, "VDTA") || len(k.Secret) != 40 || k.Role != RoleAnalyst {
			t.Errorf("NewKey made %q with a secret of %d characters", k.ID, len(k.Secret))
		}
		if strings.ContainsAny(k.Secret, ". '\"$`\\/+=") {
			t.Errorf("a secret of %q would trouble a shell or a token", k.Secret)
		}
		if seen[k.ID] || seen[k.Secret] {
			t.Error("the same key twice")
		}
		seen[k.ID], seen[k.Secret] = true, true
	}
	if _, err := NewKey("root"); err == nil {
		t.Error("a key for an unknown role was made")
	}
}

func TestValidID(t *testing.T) {
	for id, want := range map[string]bool{
		"VDTAABCDEFGHIJKLMNOP": true, "VDTA234567ABCDEFGHIJ": true,
		"": false, "VDTA": false, "AKIAABCDEFGHIJKLMNOP": false, "VDTAabcdefghijklmnop": false,
		"VDTAABCDEFGHIJKLMNO1": false, "VDTAABCDEFGHIJKLMNOPQ": false, "VDTAABCDEFGHIJKLMN\nP": false,
	} {
		if got := ValidID(id); got != want {
			t.Errorf("ValidID(%q) = %v", id, got)
		}
	}
}

// A key that lands in a log, an error or a %#v must not carry its secret there.
func TestKeyNeverPrintsItsSecret(t *testing.T) {
	k := Key{ID: "VDTAABCDEFGHIJKLMNOP", Secret: "top-secret", Role: RoleAdmin}
	var b bytes.Buffer
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "key", k)
	fmt.Fprintf(&b, "%v %+v %#v %s %v", k, k, k, k, []Key{k})
	if strings.Contains(b.String(), "top-secret") {
		t.Errorf("the secret shows in %s", b.String())
	}
}

func TestRoles(t *testing.T) {
	want := map[Role]map[Right]bool{
		RoleAdmin:    {RightRead: true, RightTriage: true, RightManage: true, RightPush: true},
		RoleAnalyst:  {RightRead: true, RightTriage: true},
		RoleReadOnly: {RightRead: true},
		RoleIngest:   {RightPush: true},
		"":           {},
		"root":       {},
	}
	for role, rights := range want {
		for _, right := range []Right{RightRead, RightTriage, RightManage, RightPush} {
			if got := role.May(right); got != rights[right] {
				t.Errorf("%q.May(%s) = %v", role, right, got)
			}
		}
	}
	for _, r := range Roles() {
		if got, err := ParseRole(string(r)); got != r || err != nil {
			t.Errorf("ParseRole(%q) = %q, %v", r, got, err)
		}
	}
	if _, err := ParseRole("Admin"); err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("ParseRole of an unknown role: %v", err)
	}
}

func TestCheckToken(t *testing.T) {
	k := Key{ID: "VDTAABCDEFGHIJKLMNOP", Secret: strings.Repeat("s", 40), Role: RoleIngest}
	broken := errors.New("disk on fire")
	lookup := func(_ context.Context, id string) (Key, error) {
		switch id {
		case k.ID:
			return k, nil
		case "VDTAEMPTYEMPTYEMPTYE":
			return Key{ID: id}, nil
		case "VDTABROKENBROKENBROK":
			return Key{}, broken
		}
		return Key{}, fmt.Errorf("read key: %w", ErrNoKey)
	}
	for _, tc := range []struct{ name, token, code string }{
		{"right", k.Token(), ""},
		{"empty", "", CodeMissingToken},
		{"no dot", "nonsense", CodeUnknownKey},
		{"wrong secret", k.ID + "." + strings.Repeat("x", 40), CodeUnknownKey},
		{"short secret", k.ID + ".s", CodeUnknownKey},
		{"empty secret", k.ID + ".", CodeUnknownKey},
		{"unknown key", "VDTAZZZZZZZZZZZZZZZZ." + k.Secret, CodeUnknownKey},
		{"a key without a secret", "VDTAEMPTYEMPTYEMPTYE.", CodeUnknownKey},
		{"not an id", "../../etc/passwd." + k.Secret, CodeUnknownKey},
	} {
		got, err := CheckToken(t.Context(), tc.token, lookup)
		if tc.code == "" {
			if err != nil || got != k {
				t.Errorf("%s: %v, %v", tc.name, got, err)
			}
			continue
		}
		var refusal *Error
		if !errors.As(err, &refusal) || refusal.Code != tc.code || got != (Key{}) {
			t.Errorf("%s: %v, %v; want %s", tc.name, got, err, tc.code)
		}
	}
	if _, err := CheckToken(t.Context(), "VDTABROKENBROKENBROK.x", lookup); !errors.Is(err, broken) {
		t.Errorf("a failing lookup gave %v", err)
	}
}

func TestBearerToken(t *testing.T) {
	for header, want := range map[string]string{
		"Bearer abc": "abc", "bearer  abc ": "abc", "Bearer": "", "Bearer ": "", "Basic abc": "", "": "",
	} {
		got, ok := BearerToken(header)
		if ok != (want != "") || ok && got != want {
			t.Errorf("BearerToken(%q) = %q, %v", header, got, ok)
		}
	}
}

func TestKeyOfAnAccount(t *testing.T) {
	k, err := NewKey(RoleAnalyst)
	if err != nil {
		t.Fatal(err)
	}
	if of, err := k.ForAccount("222222222222"); err != nil || of.Account != "222222222222" || of.ID != k.ID || of.Secret != k.Secret {
		t.Errorf("%+v, %v", of, err)
	}
	for _, account := range []string{"", "22222222222", "2222222222222", "22222222222x", "２22222222"} {
		if of, err := k.ForAccount(account); err == nil {
			t.Errorf("%q made %v", account, of)
		}
	}
	push, err := NewKey(RoleIngest)
	if err != nil {
		t.Fatal(err)
	}
	if of, err := push.ForAccount("222222222222"); err == nil {
		t.Errorf("a key that pushes has the account %s", of.Account)
	}
}

// A row whose account was edited does not open; one from before there were
// accounts does.
func TestSealedAccount(t *testing.T) {
	s, err := OpenSealer(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	k := Key{ID: "VDTAAAAAAAAAAAAAAAAA", Secret: "s", Role: RoleAdmin, Account: "222222222222"}
	sealed := s.Seal(k)
	if got, err := s.OpenFor(k.ID, k.Role, k.Account, sealed); err != nil || got != k {
		t.Errorf("%v, %v", got, err)
	}
	for _, account := range []string{"", "333333333333"} {
		if got, err := s.OpenFor(k.ID, k.Role, account, sealed); err == nil {
			t.Errorf("opened for %q: %v", account, got)
		}
	}
	k.Account = ""
	if got, err := s.OpenFor(k.ID, k.Role, "", s.Seal(k)); err != nil || got != k {
		t.Errorf("of no account: %v, %v", got, err)
	}
	if _, err := s.OpenFor(k.ID, k.Role, "222222222222", s.Seal(k)); err == nil {
		t.Error("an account was given to a key of none")
	}
}
