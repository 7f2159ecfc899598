package console

// findingStore is what the pages of a finding, a sequence and an entity need of the store.
type findingStore interface{}

// findingPages are the pages of a finding, a sequence and an entity, by the pattern of their address.
func (s *server) findingPages() map[string]page {
	return map[string]page{}
}
