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
}

const (
	maxPlaces = 512
	// usersFor is how long a file is taken to be what it was: users come when a
	// package is installed.
	usersFor = time.Minute
	soon     = time.Second
)

// NewUsers waits for files as long as p does.
func NewUsers(p *Patience, now func() time.Time) *Users {
	return &Users{patience: p, now: now, places: lru.New[string, users](maxPlaces)}
}

// Name is the name of a user in a place; "" when it has none. roots are asked
// for when they are needed: folders where the place's root may be found.
func (u *Users) Name(place string, uid uint32, roots func() []string) string {
	known, ok := u.places.Get(place)
	if !ok || u.now().Sub(known.asked) > usersFor || u.now().Before(known.asked) {
		known.asked = u.now()
		var names map[uint32]string
		for _, root := range roots() {
			if names = u.read(root); names != nil {
				break
			}
		}
		if names != nil {
			known.names = names
		} else if known.names == nil {
			known.asked = known.asked.Add(soon - usersFor) // another process may show the root
		}
		u.places.Put(place, known)
	}
	return known.names[uid]
}

// read reads /etc/passwd below a root; nil when it cannot be had.
func (u *Users) read(root string) map[uint32]string {
	result := make(chan map[uint32]string, 1)
	u.patience.Do(func() {
		f, err := openInside(root, "etc/passwd", false)
		if err != nil {
			return
		}
		defer f.Close()
		b, err := io.ReadAll(io.LimitReader(f, maxPasswd))
		if err != nil {
			return
		}
		result <- parsePasswd(b)
	})
	select {
	case names := <-result:
		return names
	default:
		return nil
	}
}
