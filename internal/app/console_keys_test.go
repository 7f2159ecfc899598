package app

import (
	"errors"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/console"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// The audit log names the person who made or ended a key in the console.
func TestConsoleKeysNameTheirMaker(t *testing.T) {
	c := config.Default()
	c.Store.DataDir = t.TempDir()
	keys, err := OpenKeys(t.Context(), c, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()
	ring := keyring{keys}
	by := console.Actor{Name: "oidc:dana", Role: "admin", Source: "192.0.2.7"}
	key, err := ring.CreateKey(t.Context(), by, access.RoleAnalyst, "222222222222", "for the night shift")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := keys.lookup(t.Context(), key.ID); err != nil || got.Secret != key.Secret || got.Account != "222222222222" {
		t.Errorf("the key does not work: %v, %v", got, err)
	}
	if _, err := ring.LoginLink(t.Context(), by, access.RoleReadOnly, "bob", ""); err != nil {
		t.Error(err)
	}
	if err := ring.RevokeKey(t.Context(), by, key.ID); err != nil {
		t.Error(err)
	}
	if _, err := keys.lookup(t.Context(), key.ID); !errors.Is(err, access.ErrNoKey) {
		t.Errorf("a revoked key: %v", err)
	}
	if err := ring.RevokeKey(t.Context(), by, "VDTAAAAAAAAAAAAAAAAA"); !errors.Is(err, finding.ErrNotFound) {
		t.Errorf("a key that is not there: %v", err)
	}
	entries, err := keys.store.Audit(t.Context(), store.AuditQuery{})
	if err != nil || len(entries) != 3 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	for i, want := range []struct{ operation, target string }{{"RevokeAccessKey", key.ID}, {"CreateLoginLink", "bob"}, {"CreateAccessKey", key.ID}} {
		e := entries[i]
		if e.Operation != want.operation || e.Target != want.target || e.Actor != by.Name || e.Role != by.Role || e.Source != by.Source {
			t.Errorf("entry %d: %+v", i, e)
		}
	}
	if list, err := ring.Keys(t.Context()); err != nil || len(list) != 1 || list[0].Comment != "for the night shift" {
		t.Errorf("%v, %v", list, err)
	}
	if keys.actor != "command line" {
		t.Errorf("the keys changed their actor to %q", keys.actor)
	}
}
