package anomaly

// Recent are the most unusual acts of a principal in the last hour, each act
// with its best score.
type Recent struct{ acts []act }

type act struct {
	name     uint32
	what     uint32 // was told of it
	at, told int64  // Unix seconds; told is when it was last part of a finding
	score    int64
}

// Bounds of what is remembered, and of how often an act is told.
const (
	hour       = 3600
	maxRecent  = 8
	tellEvery  = 600
	secondPart = 3 // tenths
	thirdPart  = 1
)

// Add notes a score of an act and returns what the hour comes to: the best
// score, three tenths of the second and one of the third, of acts that differ.
// counts says that the act is one of the three, and fresh that it was not noted
// within the hour.
func (r *Recent) Add(at int64, name uint32, score int64) (total int64, counts, fresh bool) {
	kept := r.acts[:0]
	var own act
	for _, a := range r.acts {
		switch {
		case at-a.at >= hour || a.at-at >= hour:
		case a.name == name:
			own = a
		default:
			kept = append(kept, a)
		}
	}
	fresh = own.name != name || own.at == 0
	if score > own.score || fresh {
		own.name, own.score, own.at = name, score, at
	}
	i := 0
	for i < len(kept) && kept[i].score >= own.score {
		i++
	}
	if i < maxRecent {
		kept = append(kept, act{})
		copy(kept[i+1:], kept[i:])
		kept[i] = own
	}
	r.acts = kept[:min(len(kept), maxRecent)]
	for k, tenths := range [...]int64{10, secondPart, thirdPart} {
		if k < len(r.acts) {
			total += r.acts[k].score * tenths / 10
		}
	}
	return total, i < 3, fresh
}

// Tell reports whether an act is to be told of now, and notes that it was. What
// goes on and on is told of every ten minutes; what is something else, at once.
func (r *Recent) Tell(at int64, name, what uint32) bool {
	for i := range r.acts {
		a := &r.acts[i]
		if a.name != name {
			continue
		}
		if a.told != 0 && a.what == what && at-a.told < tellEvery && a.told-at < tellEvery {
			return false
		}
		a.told, a.what = at, what
		return true
	}
	return true
}

// Others are the names of the acts beside one that made up the total.
func (r *Recent) Others(name uint32) (out []uint32) {
	for i := range r.acts[:min(3, len(r.acts))] {
		if r.acts[i].name != name {
			out = append(out, r.acts[i].name)
		}
	}
	return out
}
