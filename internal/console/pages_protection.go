package console

// protectionStore is what the matrix, the catalogue and the coverage need of the store.
type protectionStore interface{}

// protectionPages are the matrix, the catalogue and the coverage, by the pattern of their address.
func (s *server) protectionPages() map[string]page {
	return map[string]page{}
}
