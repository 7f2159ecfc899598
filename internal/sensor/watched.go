package sensor

import (
	_ "embed"
	"strings"

	"github.com/vedette-project/vedette/internal/sensor/kernel"
)

// watchedNames are the names of files whose changes are told.
//
//go:embed watched.txt
var watchedNames string

// WatchedNames are the names of files, folders and sockets that the kernel
// tells of by default: those that detections ask for, and no more, since a
// busy node changes thousands of files a second.
func WatchedNames() []kernel.Name {
	var out []kernel.Name
	for line := range strings.Lines(watchedNames) {
		role, names, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		for name := range strings.FieldsSeq(names) {
			n := kernel.Name{Name: name, Role: kernel.Leaf}
			switch role {
			case "folder":
				n.Role = kernel.Folder
			case "socket":
				n.Role = kernel.Socket
			case "place":
				n.Role = kernel.Place
			case "ending":
				n.Role = kernel.Ending
			}
			out = append(out, n)
		}
	}
	return out
}
