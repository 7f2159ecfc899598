package console

// settingsStore is what what can be set: lists, rules, suppressions, destinations, keys, members; and usage and the audit log need of the store.
type settingsStore interface{}

// settingsPages are what can be set: lists, rules, suppressions, destinations, keys, members; and usage and the audit log, by the pattern of their address.
func (s *server) settingsPages() map[string]page {
	return map[string]page{}
}
