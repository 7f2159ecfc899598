package proc

import (
	"io"
	"time"

	"github.com/vedette-project/vedette/internal/sensor/lru"
)

// Users tells the names of users, of the node and of containers, from their
// /etc/passwd.
type Users struct {
	patience *Patience
	now      func() time.Time
	places   *lru.Map[string, users]
}

type users struct {
	names map[uint32]string
	asked time.Time
	vain  int // how often the file was not to be had
}

const (
	maxPlaces = 512
	// usersFor is how long a file is taken to be what it was: users come when a
	// package is installed.
	usersFor = time.Minute
	// soon is after how long another process is asked that may show the root,
	// once many were asked in vain: the first ones may be the runtime's.
	soon = time.Second
	many = 16
)

// NewUsers waits for files as long as p does.
func NewUsers(p *Patience, now func() time.Time) *Users {
	return &Users{patience: p, now: now, places: lru.New[string, users](maxPlaces)}
}

// Name is the name of a user in a place; "" when it has none. roots are asked
// for when they are needed: folders where the place's root may be found.
func (u *Users) Name(place string, uid uint32, roots func() []Root) string {
	known, ok := u.places.Get(place)
	if !ok || u.now().Sub(known.asked) > usersFor || u.now().Before(known.asked) {
		known.asked = u.now()
		var names map[uint32]string
		for _, root := range roots() {
			var slow bool
			if names, slow = u.read(root); names != nil {
				break
			}
			if slow {
				known.vain = many
			}
		}
		if names != nil {
			known.names = names
		} else if known.names == nil {
			if known.vain++; known.vain < many {
				known.asked = time.Time{}
			} else {
				known.asked = known.asked.Add(soon - usersFor)
			}
		}
		u.places.Put(place, known)
	}
	return known.names[uid]
}

// read reads /etc/passwd below a root; nil when it cannot be had. slow says that
// nobody answered in time.
func (u *Users) read(root Root) (names map[uint32]string, slow bool) {
	result := make(chan map[uint32]string, 1)
	slow = !u.patience.Do(func() {
		f, err := openInside(root, "etc/passwd", false)
		if err != nil {
			return
		}
		defer f.Close()
		b, err := io.ReadAll(io.LimitReader(f, maxPasswd))
		if err != nil || !root.still() {
			return
		}
		result <- parsePasswd(b)
	})
	select {
	case names = <-result:
		return names, false
	default:
		return nil, slow
	}
}
