package main

import (
	"bufio"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// pushes says how many HTTP pushes the running server has refused, and why.
func (d *doctor) pushes(metrics string) {
	codes := readPushes(metrics)
	if len(codes) == 0 {
		return // none yet, or this process takes none
	}
	var parts []string
	refused := false
	for _, code := range slices.Sorted(maps.Keys(codes)) {
		if code == http.StatusOK || codes[code] == 0 {
			continue
		}
		refused = refused || code/100 == 4 && code != http.StatusTooManyRequests && code != http.StatusUnsupportedMediaType
		parts = append(parts, fmt.Sprintf("%d with %d (%s)", codes[code], code, reasonOf(code)))
	}
	status, text := statusOK, fmt.Sprintf("%d taken since the server started", codes[http.StatusOK])
	if len(parts) > 0 {
		text += "; refused " + strings.Join(parts, ", ")
	}
	if refused {
		status = statusNote
	}
	d.say(status, "pushes", "%s", text)
}

// reasonOf says what a status means for who pushes.
func reasonOf(code int) string {
	switch code {
	case http.StatusBadRequest:
		return "no records in them, or a wrong path"
	case http.StatusUnauthorized:
		return "no token, or a wrong one: `vedette keys create --role ingest`"
	case http.StatusForbidden:
		return "a token that may not push this"
	case http.StatusRequestEntityTooLarge:
		return "larger than ingest.maxBodyBytes"
	case http.StatusUnsupportedMediaType:
		return "an encoding that is not read; also `vedette doctor --reach`"
	case http.StatusTooManyRequests:
		return "the journal was full; the sender comes again"
	case http.StatusServiceUnavailable:
		return "the journal or the store did not answer; the sender comes again"
	}
	return strings.ToLower(http.StatusText(code))
}

// readPushes picks vedette_ingest_pushes_total{code="200"} 12 out of metrics.
func readPushes(text string) map[int]int64 {
	out := map[int]int64{}
	lines := bufio.NewScanner(strings.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		rest, ours := strings.CutPrefix(lines.Text(), `vedette_ingest_pushes_total{code="`)
		label, value, found := strings.Cut(rest, `"} `)
		code, err := strconv.Atoi(label)
		n, err2 := strconv.ParseFloat(value, 64)
		if ours && found && err == nil && err2 == nil {
			out[code] = int64(n)
		}
	}
	return out
}
