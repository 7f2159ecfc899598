package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	patience   = 3 * time.Second // with a server that does not answer
	maxMetrics = 32 << 20        // bytes of its metrics that are read
	maxReason  = 300             // bytes that are shown of what others wrote
	nearlyFull = 0.8             // of a shard's room in the journal
	// lagBearable is how long a message may wait to be judged.
	lagBearable = 2 * time.Minute
)

// load is how much of one shard waits in the journal.
type load struct {
	waiting         int64 // messages; -1 when the server does not know
	bytes, maxBytes int64
	oldest          time.Duration // the first of them waits for so long
}

// server asks the running server whether it is well, and what waits in its journal.
func (d *doctor) server(ctx context.Context) {
	addr, port := dialable(d.cfg.Server.MetricsListen)
	if d.cfg.Server.MetricsListen == "" {
		d.say(statusNote, "server", "server.metricsListen is off, so its health cannot be asked for")
		return
	}
	if !port {
		d.say(statusNote, "server", "server.metricsListen is %s, a port that the system chooses, so its health cannot be asked for", d.cfg.Server.MetricsListen)
		return
	}
	status, text, err := ask(ctx, "http://"+addr+"/readyz", maxReason)
	switch {
	case err != nil && status == 0:
		d.silent = true
		d.say(statusNote, "server", "nothing answers at %s; it is not running, or listens elsewhere", addr)
		return
	case status != http.StatusOK:
		d.say(statusFault, "server", "it runs but is not ready: /readyz answers %d: %s", status, strings.TrimSpace(text))
	default:
		d.say(statusOK, "server", "ready at %s", addr)
	}
	d.alive(ctx, addr)
	status, text, err = ask(ctx, "http://"+addr+"/metrics", maxMetrics)
	if err != nil || status != http.StatusOK {
		d.say(statusNote, "journal", "/metrics of the server does not answer (status %d), so what waits is not known", status)
		return
	}
	d.loads = readLoads(text)
	d.journal()
	d.pushes(text)
}

// alive asks whether the server can go on.
func (d *doctor) alive(ctx context.Context, addr string) {
	status, text, err := ask(ctx, "http://"+addr+"/livez", maxReason)
	if err == nil && status != http.StatusOK {
		d.say(statusFault, "server process", "/livez answers %d: %s", status, strings.TrimSpace(text))
	}
}

// ask reads at most limit bytes of an answer. The status is 0 where there is none.
func ask(ctx context.Context, url string, limit int64) (status int, text string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, "", err
	}
	direct := &http.Transport{} // it is this machine: no proxy leads there
	defer direct.CloseIdleConnections()
	res, err := (&http.Client{Transport: direct}).Do(req)
	if err != nil {
		return 0, "", err
	}
	b, err := io.ReadAll(io.LimitReader(res.Body, limit))
	return res.StatusCode, string(b), errors.Join(err, res.Body.Close())
}

// readLoads picks the journal's gauges, such as vedette_journal_bytes{shard="0"} 12,
// out of the text of /metrics.
func readLoads(text string) map[int]load {
	out := map[int]load{}
	lines := bufio.NewScanner(strings.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		rest, ours := strings.CutPrefix(lines.Text(), "vedette_journal_")
		name, rest, _ := strings.Cut(rest, `{shard="`)
		shard, value, found := strings.Cut(rest, `"} `)
		n, err := strconv.Atoi(shard)
		v, err2 := strconv.ParseFloat(value, 64)
		if !ours || !found || err != nil || err2 != nil {
			continue
		}
		l, known := out[n]
		if !known {
			l.waiting = -1
		}
		switch name {
		case "waiting_messages":
			l.waiting = int64(v)
		case "bytes":
			l.bytes = int64(v)
		case "max_bytes":
			l.maxBytes = int64(v)
		case "oldest_waiting_seconds":
			l.oldest = time.Duration(v * float64(time.Second))
		default:
			continue
		}
		out[n] = l
	}
	return out
}

// journal says how much waits in it and how full it is.
func (d *doctor) journal() {
	if len(d.loads) == 0 {
		d.say(statusNote, "journal", "the server at %s tells nothing of it: it judges no shard, or the journal does not answer", d.cfg.Server.MetricsListen)
		return
	}
	var waiting, bytes, room int64
	full, late := false, false
	for _, n := range slices.Sorted(maps.Keys(d.loads)) {
		l := d.loads[n]
		waiting += max(l.waiting, 0)
		bytes += l.bytes
		room += l.maxBytes
		if l.maxBytes > 0 && float64(l.bytes) > nearlyFull*float64(l.maxBytes) {
			full = true
			d.say(statusFault, fmt.Sprintf("journal shard %d", n), "it is %d %% full (%s of %s): beyond that senders are told to come again; "+
				"look in the server's log why judging is slow or stands, or raise journal.maxBytes",
				l.bytes*100/l.maxBytes, inBytes(l.bytes), inBytes(l.maxBytes))
		}
		if l.oldest > lagBearable {
			late = true
			d.say(statusFault, fmt.Sprintf("queue of shard %d", n), "%d messages wait to be judged, the oldest for %s: look in the server's log why judging is slow or stands",
				l.waiting, span(l.oldest))
		}
		if l.waiting < 0 {
			d.say(statusNote, fmt.Sprintf("backlog of shard %d", n), "how much waits is not known: the store did not answer the server")
		}
	}
	if !full && !late {
		d.say(statusOK, "journal", "%d messages wait in %d shards, %s of %s", waiting, len(d.loads), inBytes(bytes), inBytes(room))
	}
}

// inBytes is a size in the unit that suits it.
func inBytes(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	v := float64(n)
	for len(units) > 1 && v >= 1024 {
		v, units = v/1024, units[1:]
	}
	if units[0] == "B" {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", v, units[0])
}
