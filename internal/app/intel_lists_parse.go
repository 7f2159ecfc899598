package app

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/vedette-project/vedette/internal/intel/format"
	"github.com/vedette-project/vedette/internal/store"
)

// Entries that a list may have: GuardDuty's quotas.
const (
	maxTrustedIPs = 2_000
	maxThreatIPs  = 250_000
	maxEntities   = 1_000
)

// trusts reports whether a kind of list is of what is trusted.
func trusts(kind store.ListKind) bool { return kind == store.IPSet || kind == store.TrustedEntitySet }

// listOptions say what a list of a kind may hold. It was written for this: any
// fault fails the whole. Addresses that are not public are no fault, since
// GuardDuty takes them, but no entries of a threat list either: they would
// match machines of one's own.
func listOptions(kind store.ListKind, f string) format.Options {
	o := format.Options{Format: format.Format(f), MaxFaults: 1e-9, MaxBytes: maxListBytes, MaxEntries: maxEntities, Private: trusts(kind), MayBeEmpty: true, Hashes: kind == store.ThreatEntitySet}
	switch kind {
	case store.IPSet:
		o.MaxEntries = maxTrustedIPs
	case store.ThreatIntelSet:
		o.MaxEntries = maxThreatIPs
	}
	return o
}

// notPublic is what format calls addresses that it passes over.
const notPublic = "address that is not public"

// parseList reads a list of a kind and hands out its entries; yield may be nil.
// What the API took and what workers load is read by the same rules.
func parseList(kind store.ListKind, f string, r io.Reader, yield func(format.Entry) error) (format.Stats, error) {
	stats, err := format.Parse(r, listOptions(kind, f), func(e format.Entry) error {
		if why := unfit(kind, e.Kind); why != "" {
			return &format.Fault{Line: e.Line, Reason: fmt.Sprintf("%s is %s", e.Value, why)}
		}
		if yield == nil {
			return nil
		}
		return yield(e)
	})
	if first := (*format.Fault)(nil); errors.Is(err, format.ErrFaults) && errors.As(err, &first) {
		return stats, first
	}
	if err == nil && stats.Entries == 0 && stats.Skipped[notPublic] == 0 {
		if note := noteOf(stats); note != "" {
			return stats, fmt.Errorf("%w that can be used: %s", format.ErrEmpty, note)
		}
		return stats, format.ErrEmpty
	}
	return stats, err
}

// unfit says why an entry does not belong in a list of a kind.
func unfit(kind store.ListKind, e format.Kind) string {
	switch {
	case e == format.Address:
		return ""
	case kind == store.IPSet || kind == store.ThreatIntelSet:
		return "no IP address; lists of addresses hold nothing else: use an entity list"
	case e == format.SHA256 && kind == store.TrustedEntitySet:
		return "the hash of a file, which a list of trusted entities cannot have"
	}
	return ""
}

// noteOf is what the owner of a list that is good should know: what of it is
// not used.
func noteOf(stats format.Stats) string {
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(stats.Skipped)) {
		parts = append(parts, fmt.Sprintf("%d of the kind: %s", stats.Skipped[reason], reason))
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("%d entries are used; not used are %s", stats.Entries, strings.Join(parts, ", "))
}
