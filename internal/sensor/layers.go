package sensor

import (
	"github.com/vedette-project/vedette/internal/sensor/kernel"
	"github.com/vedette-project/vedette/internal/sensor/proc"
)

// maxRoots bounds the containers of which the device of their root is known.
const maxRoots = 4 << 10

// noteRoot remembers on which device a container has its image: where the first
// program lies that the runtime starts in it. What the container itself mounts
// comes later.
func (s *Sensor) noteRoot(p *proc.Process, f *kernel.File) {
	if _, known := s.roots.Get(p.Place); !known {
		s.roots.Put(p.Place, f.Device)
	}
}

// fileID is what a program's hash is remembered by. A file as it is in an image
// is the same in all its containers, though each has an overlay with a device
// number of its own; the inode and its times are those of the layer below.
func (s *Sensor) fileID(f *kernel.File, p *proc.Process) proc.FileID {
	id := proc.FileID{Device: uint64(f.Device), Inode: f.Inode, CTime: f.Changed.UnixNano(), Size: f.Size}
	if f.FileSystem != kernel.MagicOverlay || f.Upper || p.Place == "" {
		return id
	}
	if device, ok := s.roots.Get(p.Place); !ok || device != f.Device {
		return id // of another overlay, which may be the container's own
	}
	if c := s.containerOf(p); c != nil && c.ImageID != "" {
		id.Device, id.Image = 0, c.ImageID
	} else if c != nil && c.Image != "" {
		id.Device, id.Image = 0, c.Image // by name: what a name means may change, the inode's time with it
	}
	return id
}
