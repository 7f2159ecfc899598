package decode

import (
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/event"
)

// FuzzDecode feeds any bytes: the decoder never panics, what is not blank is
// accounted for, and an intact record after it is never lost.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{event1, item1, "[" + item1 + "]", `{"items":[` + item1 + `,7]}`, event1[:200] + "[Truncated...]",
		`{"logEvents":[{"message":"{}"}]}`, "2026-01-02T03:04:05.100Z {}", `{"awslogs":{"data":"aGk="}}`, `{"a":"\u00`, "{{{", `[[[`} {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, s string, cut bool) {
		var d Decoder
		b := &Batch{}
		d.Decode(&event.Chunk{Data: []byte(s), Cut: cut}, b)
		if strings.ContainsAny(s, "abcdefghijklmnopqrstuvwxyz") && !strings.ContainsAny(s, "[]{},") && len(b.Events) == 0 && totalRejects(b) == 0 {
			t.Errorf("%q left no trace", s)
		}
		for i := range b.Events {
			a := b.Events[i].Audit // the lazy parts must not panic either
			_, _, _, _ = a.SourceIPs(), a.User.Groups(), a.User.Extra("arn"), a.Annotation("x")
		}
		if cut {
			return
		}
		b.Reset()
		d.Decode(&event.Chunk{Data: []byte(s + "\n" + event1)}, b)
		if n := len(b.Events); n == 0 || b.Events[n-1].Audit.User.Username != "alice" {
			t.Errorf("the record after %q was lost", s)
		}
	})
}

func FuzzTimes(f *testing.F) {
	f.Add("2026-01-02T03:04:05.123456Z")
	f.Fuzz(func(_ *testing.T, s string) {
		var p timeParser
		p.parse([]byte(s))
	})
}
