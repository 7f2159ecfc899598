package app

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/store"
	"github.com/vedette-project/vedette/internal/testbed"
)

// Scripts of people call the API with an ID token of a real provider: with the
// rights of their groups, by their name in the audit log, page by page.
func TestPeopleCallTheAPIWithIDTokens(t *testing.T) {
	t.Parallel()
	idp := testbed.StartOpenID(t, "http://127.0.0.1/console/", false)
	secretFile := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secretFile, []byte(testbed.OpenIDSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a := startApp(t, t.TempDir(), func(c *config.Config) {
		c.Access.OIDC = config.OIDC{
			Issuer: idp.Issuer, ClientID: "public", ClientSecretFile: secretFile, GroupsClaim: "groups",
			Roles:    config.OIDCRoles{Admin: []string{"root"}, ReadOnly: []string{"bob", "eve"}},
			Accounts: map[string][]string{"222222222222": {"eve"}},
		}
	})
	_, detector := enable(t, a)
	mustPush(t, a, "prod", attack("one", 1), attack("two", 2))
	call := func(token, method, path, body string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+a.Addr+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(text)
	}
	root, bob, eve := idp.IDToken(t, "public", "root"), idp.IDToken(t, "public", "bob"), idp.IDToken(t, "public", "eve")
	path := "/detector/" + detector
	for _, c := range []struct {
		what, token, method, path, body string
		status                          int
		answer                          string
	}{
		{"a reader reads", bob, "GET", "/detector", "", 200, detector},
		{"a reader changes", bob, "POST", path, `{"enable":false}`, 403, "The role read-only is not authorized"},
		{"an admin changes", root, "POST", path, `{"findingPublishingFrequency":"ONE_HOUR"}`, 200, "{}"},
		{"somebody of another account", eve, "GET", path, "", 400, "not owned by the current account"},
		{"somebody without a group", idp.IDToken(t, "public", "stranger"), "GET", "/detector", "", 403, "is in no group that has one here"},
		{"a token that was changed", bob[:len(bob)-8] + "AAAAAAAA", "GET", "/detector", "", 403, "is not valid"},
		{"an access key's token", "VDTAABCDEFGHIJKLMNOP.secret", "GET", "/detector", "", 403, "no ID token"},
	} {
		if status, answer := call(c.token, c.method, c.path, c.body); status != c.status || !strings.Contains(answer, c.answer) {
			t.Errorf("%s: %d %s", c.what, status, answer)
		}
	}
	// Pages: the token of one person's page is no other's.
	var page struct {
		IDs  []string `json:"findingIds"`
		Next string   `json:"nextToken"`
	}
	_, answer := call(bob, "POST", path+"/findings", `{"maxResults":1}`)
	if err := json.Unmarshal([]byte(answer), &page); err != nil || len(page.IDs) != 1 || page.Next == "" {
		t.Fatalf("the first page: %s", answer)
	}
	next := `{"maxResults":1,"nextToken":"` + page.Next + `"}`
	if status, answer := call(root, "POST", path+"/findings", next); status != 400 || !strings.Contains(answer, "nextToken") {
		t.Errorf("another person's page: %d %s", status, answer)
	}
	first := page.IDs[0]
	if status, answer := call(bob, "POST", path+"/findings", next); status != 200 || json.Unmarshal([]byte(answer), &page) != nil || len(page.IDs) != 1 || page.IDs[0] == first {
		t.Errorf("the second page: %d %s", status, answer)
	}
	log, err := a.keys.store.Audit(t.Context(), store.AuditQuery{})
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, e := range log {
		if e.Operation == "UpdateDetector" {
			said = append(said, e.Actor+" "+e.Role+" "+http.StatusText(e.Status))
		}
	}
	if got, want := strings.Join(said, ", "), "oidc:root@example.com admin OK, oidc:bob@example.com read-only Forbidden"; got != want {
		t.Errorf("the audit log says %s, want %s", got, want)
	}
}
