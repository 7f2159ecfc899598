package detect

import (
	"encoding/binary"
	"slices"
)

// A container runs few programs, and the same ones in all containers of its
// image. One that the image never ran is harmless alone: somebody looks into a
// container, or a path that is seldom taken is. It is a hint.
const (
	maxImages = 4096
	imageIdle = 30 * day
	// imagePrograms are as many as tell a service from a tool box.
	imagePrograms = 96
	// imageLearned is how long an image is watched before anything of it is new.
	imageLearned = day
	// imageNoted is after how many days that an image is in use is written down again.
	imageNoted = 7
)

// imageHabit is what containers of an image run.
type imageHabit struct {
	first    int64    // Unix seconds
	day      int64    // on which it was last written down that the image is in use
	programs []uint32 // hashes of their paths, in order
}

// drift hints at programs that an image never ran before.
func drift(r *runtimeRecord) {
	if r.Exec == nil || r.Container == nil || r.Container.Image == "" || r.inImageBuild() || r.isRuntimeProcess() {
		return
	}
	file := fileName(r.Exec.File.Path)
	image, program := imageName(r.Container.Image), uint32(mixSeed.string(file).sum())
	today := bucketOf(r.ev.Time, day)
	h := r.state.images.get(image)
	isNew := false
	if h != nil {
		_, known := slices.BinarySearch(h.programs, program)
		if known || len(h.programs) >= imagePrograms {
			if today-h.day >= imageNoted {
				r.state.images.touch(image, r.ev.Time).day = today
			}
			return
		}
		isNew = since(h.first, r.ev.Time) >= imageLearned
	}
	h = r.state.images.touch(image, r.ev.Time)
	if len(h.programs) == 0 {
		h.first = r.ev.Time.Unix()
	}
	h.day = max(h.day, today)
	at, _ := slices.BinarySearch(h.programs, program)
	h.programs = slices.Insert(h.programs, at, program)
	if isNew && !r.isOwnWork() {
		r.hint(HintNewProgram, file)
	}
}

// MarshalBinary and UnmarshalBinary bring the habit of an image into a table's log.
func (h *imageHabit) MarshalBinary() ([]byte, error) {
	b := appendInts(make([]byte, 0, 16+4*len(h.programs)), h.first, h.day, int64(len(h.programs)))
	for _, p := range h.programs {
		b = binary.LittleEndian.AppendUint32(b, p)
	}
	return b, nil
}

func (h *imageHabit) UnmarshalBinary(b []byte) error {
	s := saved{b: b}
	*h = imageHabit{first: s.int(), day: s.int()}
	for range s.upTo(imagePrograms) {
		h.programs = append(h.programs, s.uint32())
	}
	return s.err()
}
