package rule

// Declared are the ids of the rules in some files, also of those that do not
// load. Filters are left out: they change rules, and are none.
func Declared(files []File) (ids []string) {
	for _, f := range files {
		docs, _ := documents(f.Data) // Load tells of faults
		for _, d := range docs {
			if id, _ := words(d.root, "id"); id != "" && member(d.root, "filter") == nil {
				ids = append(ids, id)
			}
		}
	}
	return ids
}
