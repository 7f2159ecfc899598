package console

import (
	"context"
	"time"

	"github.com/vedette-project/vedette/internal/store"
)

// settingsStore is what the pages of what can be set need of the store: lists, rules,
// suppressions, destinations, keys, members; and usage and the audit log.
type settingsStore interface {
	AuditPage(ctx context.Context, q store.AuditQuery, account string, before int64) (page []store.AuditEntry, more bool, err error)
	Hidden(ctx context.Context, detectorID string) ([]store.Hidden, error)
	RuleWorkers(ctx context.Context) ([]store.RuleWorker, error)
	DeadLetters(ctx context.Context, target string, after int64, limit int) ([]store.DeadLetter, error)
	Usage(ctx context.Context, from, to time.Time) ([]store.Usage, error)
	UsageDays(ctx context.Context, from, to time.Time, account string) ([]store.UsageDay, error)
}

// settingsPages are the pages of what can be set, usage and the audit log, by the pattern of their address.
func (s *server) settingsPages() map[string]page {
	return map[string]page{
		"GET " + Root + "suppressions":                s.suppressions,
		"GET " + Root + "suppressions/new":            s.newSuppression,
		"POST " + Root + "suppressions":               s.addSuppression,
		"GET " + Root + "suppressions/{name}":         s.suppression,
		"POST " + Root + "suppressions/{name}":        s.saveSuppression,
		"POST " + Root + "suppressions/{name}/delete": s.deleteSuppression,

		"GET " + Root + "rules":       s.rules,
		"GET " + Root + "rules/{id}":  s.rule,
		"POST " + Root + "rules/{id}": s.setRule,

		"GET " + Root + "lists":                     s.lists,
		"POST " + Root + "lists":                    s.createList,
		"POST " + Root + "lists/{kind}/{id}":        s.changeList,
		"POST " + Root + "lists/{kind}/{id}/delete": s.deleteList,

		"GET " + Root + "destinations":                s.destinations,
		"POST " + Root + "destinations":               s.saveDestination,
		"POST " + Root + "destinations/{id}":          s.saveDestination,
		"POST " + Root + "destinations/{id}/delete":   s.deleteDestination,
		"GET " + Root + "destinations/targets/{name}": s.target,

		"GET " + Root + "members":                s.members,
		"POST " + Root + "members":               s.addMember,
		"POST " + Root + "members/{account}":     s.changeMember,
		"POST " + Root + "members/organization":  s.changeOrganization,
		"POST " + Root + "members/administrator": s.changeAdministrator,

		"GET " + Root + "detector":           s.detectorPage,
		"POST " + Root + "detector/settings": s.saveDetector,

		"GET " + Root + "keys":              s.keys,
		"POST " + Root + "keys":             s.createKey,
		"POST " + Root + "keys/links":       s.createLink,
		"POST " + Root + "keys/{id}/revoke": s.revokeKey,

		"GET " + Root + "usage": s.usage,
		"GET " + Root + "audit": s.auditlog,
	}
}
