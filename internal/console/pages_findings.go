package console

// findingsStore is what the overview and the list of findings need of the store.
type findingsStore interface{}

// findingsPages are the overview and the list of findings, by the pattern of their address.
func (s *server) findingsPages() map[string]page {
	return map[string]page{
		"GET " + Root + "{$}": s.overview,
	}
}
