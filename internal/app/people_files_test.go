package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/config"
)

// TestPeopleFiles: what the configuration of the identity provider names is read
// as at a start, and what is wrong is told by its key. No provider is asked.
func TestPeopleFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, c := range map[string]struct {
		secret, ca string
		want       []string
	}{
		"good":         {write("good", "s3cr3t\n"), "", nil},
		"public":       {"", "", nil},
		"no such file": {filepath.Join(dir, "none"), "", []string{"access.oidc.clientSecretFile: open "}},
		"empty":        {write("empty", "\n"), "", []string{"access.oidc.clientSecretFile: ", "is empty"}},
		"no authority": {write("fine", "s3cr3t"), write("ca", "s3cr3t"), []string{"access.oidc.caFile: there is no certificate in "}},
		"both":         {filepath.Join(dir, "none"), filepath.Join(dir, "none"), []string{"access.oidc.clientSecretFile: ", "access.oidc.caFile: "}},
	} {
		cfg := config.Default()
		cfg.Access.OIDC.Issuer, cfg.Access.OIDC.ClientID, cfg.Access.OIDC.Roles.Admin = "https://login.invalid", "vedette", []string{"a"}
		cfg.Access.OIDC.ClientSecretFile, cfg.Access.OIDC.CAFile = c.secret, c.ca
		err := CheckPeople(cfg)
		if (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cr3t") {
				t.Errorf("%s: %v, want %q in it", name, err, want)
			}
		}
		o, err := peopleOptions(cfg)
		if c.want == nil && (err != nil || strings.HasSuffix(o.ClientSecret, "\n")) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if p, err := OpenPeople(t.Context(), config.Default(), time.Now); p != nil || err != nil {
		t.Errorf("without a provider: %v, %v", p, err)
	}
}
