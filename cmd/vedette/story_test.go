package main

import (
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
)

// TestWho: of an actor is said what is known, and nothing around what is not.
func TestWho(t *testing.T) {
	for _, tc := range []struct {
		actor finding.Actor
		want  string
	}{
		{finding.Actor{Username: "eve", SourceIPs: []string{"203.0.113.7", "10.0.0.1"}, UserAgent: "kubectl"}, "eve from 203.0.113.7, 10.0.0.1 with kubectl"},
		{finding.Actor{Username: "eve"}, "eve"},
		{finding.Actor{SourceIPs: []string{"203.0.113.7"}}, "from 203.0.113.7"},
		{finding.Actor{Count: 3, FirstSeen: time.Unix(0, 0)}, ""},
	} {
		if got := who(tc.actor); got != tc.want {
			t.Errorf("%+v: %q, want %q", tc.actor, got, tc.want)
		}
	}
	if got := words("", "0a1b", "", "at", "noon"); got != "0a1b at noon" {
		t.Error(got)
	}
}
