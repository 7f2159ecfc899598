package push

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/vedette-project/vedette/internal/uplink"
)

// progress is what a sender has done so far, for other goroutines to read.
type progress struct {
	mu       sync.Mutex
	sum      Summary
	answered time.Time // the last 200; zero: there was none
	fault    string    // why nothing moves; "" when the last attempt was answered, and before the first
}

// count takes over what the sender's own goroutine counted.
func (p *progress) count(sum *Summary) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sum = sum.clone()
}

// attempted notes how an attempt ended. An answer that decides a body is a good
// one, also where it refuses the body.
func (p *progress) attempted(a uplink.Answer, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err != nil:
		p.fault = err.Error()
	case a.Status == http.StatusOK:
		p.fault, p.answered = "", time.Now()
	case a.Status == http.StatusRequestEntityTooLarge || a.NoRecord:
		p.fault = ""
	default:
		p.fault = fmt.Sprintf("the server answers %d: %s", a.Status, a.Text)
	}
}

// ended notes why what was read was not taken, for reasons of this side, too.
func (p *progress) ended(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fault = ""; err != nil {
		p.fault = err.Error()
	}
}

func (p *progress) read() (sum Summary, answered time.Time, fault string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sum.clone(), p.answered, p.fault
}
