package soak

import (
	"context"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"
)

// chaos does harm, one thing after the other, and counts what it did.
type chaos struct {
	*world
	rnd  *rand.Rand
	done map[string]int
	// kills are processes ended by SIGKILL.
	kills int
	begun time.Time
}

// harm is one thing to do; weight is how often among the others.
type harm struct {
	name   string
	weight int
	do     func()
}

func (c *chaos) harms() []harm {
	return []harm{
		{"kill a sharing process", 30, func() { c.kill(c.sharing[c.rnd.IntN(len(c.sharing))]) }},
		{"kill the one alone", 14, func() { c.kill(c.alone) }},
		{"end a process in order", 6, func() { c.restart(c.any()) }},
		{"kill a process while it ends", 3, func() { c.killEnding(c.any()) }},
		{"suspend a worker beyond its lease", 3, func() { c.suspend(c.sharing[2+c.rnd.IntN(3)]) }},
		{"kill all workers at once", 2, c.killWorkers},
		{"restart the database", 2, c.postgres.Restart},
		{"kill the database", 2, func() { c.postgres.Kill(); c.sleep(500); c.postgres.Start() }},
		{"stop a NATS node", 2, func() { i := c.rnd.IntN(3); c.nats.StopNode(i); c.sleep(2000); c.nats.StartNode(i) }},
		{"stop the leader of a shard", 2, func() {
			i := c.nats.KillLeader(fmt.Sprintf("vedette-journal-%d", c.rnd.IntN(shards)))
			c.sleep(2000)
			c.nats.StartNode(i)
		}},
		{"part a NATS node from the others", 2, func() { i := c.rnd.IntN(3); c.nats.Isolate(i); c.sleep(4000); c.nats.Rejoin(i) }},
		{"fill the disk", 3, func() { c.disk.fill(); c.sleep(1500); c.disk.free() }},
		{"fill the disk and kill", 2, func() { c.disk.fill(); c.sleep(300); c.kill(c.alone); c.sleep(500); c.disk.free() }},
	}
}

func (c *chaos) any() *process {
	if i := c.rnd.IntN(len(c.sharing) + 1); i < len(c.sharing) {
		return c.sharing[i]
	}
	return c.alone
}

// sleep waits for up to so many milliseconds.
func (c *chaos) sleep(ms int) { time.Sleep(time.Duration(1+c.rnd.IntN(ms)) * time.Millisecond) }

// run does harm until ctx ends, or at least so many kills were made if that is
// later.
func (c *chaos) run(ctx context.Context, kills int) {
	list := c.harms()
	total := 0
	for _, h := range list {
		total += h.weight
	}
	c.done = map[string]int{}
	for ctx.Err() == nil || c.kills < kills {
		c.sleep(700)
		at := c.rnd.IntN(total)
		for _, h := range list {
			if at -= h.weight; at >= 0 {
				continue
			}
			h.do()
			c.done[h.name]++
			break
		}
		c.revive()
	}
}

// revive starts what is down and should not be: a process may give up when it
// starts without a database.
func (c *chaos) revive() {
	for _, p := range append([]*process{c.alone}, c.sharing...) {
		if !p.running() {
			p.start()
		}
	}
}

func (c *chaos) kill(p *process) {
	p.kill()
	c.kills++
	if c.rnd.IntN(8) == 0 {
		c.sleep(5000) // long enough for others to take over
	}
	p.start()
}

func (c *chaos) restart(p *process) {
	p.stop()
	p.start()
}

func (c *chaos) killEnding(p *process) {
	p.signal(syscall.SIGTERM)
	c.sleep(200)
	c.kill(p)
}

// suspend makes a worker a zombie: it believes to hold its shards while others
// took them, and goes on where it was.
func (c *chaos) suspend(p *process) {
	p.signal(syscall.SIGSTOP)
	time.Sleep(3500 * time.Millisecond)
	c.sleep(1500)
	p.signal(syscall.SIGCONT)
}

func (c *chaos) killWorkers() {
	for _, p := range c.sharing[2:] {
		p.signal(syscall.SIGKILL)
	}
	for _, p := range c.sharing[2:] {
		<-p.exited()
		c.kills++
		c.sleep(300)
		p.start()
	}
}
