package soak

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// corpus is the log of one cluster: that of a real one, again and again, each
// round an hour later and with audit IDs of its own. Its people are its own, too:
// what one person does in two clusters belongs together in a server, and a scan
// of one of them does not see it.
type corpus struct {
	cluster string
	address string // of who calls without a name
	lines   [][]byte
	round   int
	next    []string // of the round, from what was handed out on
	written *bufio.Writer
	file    *os.File
	count   int
}

var stamps = regexp.MustCompile(`"(requestReceivedTimestamp|stageTimestamp)":"([^"]+)"`)
var people = regexp.MustCompile(`"(principalId|accessKeyId)":\["([^"]+)"\]`)
var auditID = regexp.MustCompile(`"auditID":"([^"]+)"`)

func recorded(t *testing.T) [][]byte {
	t.Helper()
	f, err := os.Open("../../cmd/demo/audit.log.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zr, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewScanner(zr)
	in.Buffer(nil, 16<<20)
	var out [][]byte
	for in.Scan() {
		out = append(out, bytes.Clone(in.Bytes()))
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// newCorpus keeps a copy of everything it hands out, for the scan.
func newCorpus(t *testing.T, lines [][]byte, cluster, dir string) *corpus {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, cluster+".log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	h := fnv.New32a()
	h.Write([]byte(cluster))
	address := fmt.Sprintf("2001:db8::%x:%x", h.Sum32()>>16|1, h.Sum32()&0xffff|1)
	return &corpus{cluster: cluster, address: address, lines: lines, file: f, written: bufio.NewWriter(f)}
}

// take hands out the next n lines.
func (c *corpus) take(n int) []string {
	var out []string
	for len(out) < n {
		if len(c.next) == 0 {
			for i, l := range c.lines {
				c.next = append(c.next, c.shift(string(l), i))
			}
			c.round++
		}
		k := min(n-len(out), len(c.next))
		out, c.next = append(out, c.next[:k]...), c.next[k:]
	}
	for _, l := range out {
		c.written.WriteString(l)
		c.written.WriteByte('\n')
	}
	c.count += len(out)
	return out
}

func (c *corpus) shift(line string, i int) string {
	line = stamps.ReplaceAllStringFunc(line, func(m string) string {
		p := stamps.FindStringSubmatch(m)
		at, err := time.Parse(time.RFC3339Nano, p[2])
		if err != nil {
			return m
		}
		return fmt.Sprintf("%q:%q", p[1], at.Add(time.Duration(c.round)*time.Hour).Format("2006-01-02T15:04:05.000000Z"))
	})
	line = people.ReplaceAllString(line, `"$1":["$2`+strings.ReplaceAll(c.cluster, "-", "")+`"]`)
	line = strings.ReplaceAll(line, `"sourceIPs":["192.0.2.99"]`, fmt.Sprintf(`"sourceIPs":[%q]`, c.address))
	return auditID.ReplaceAllString(line, fmt.Sprintf(`"auditID":"$1-%d-%d"`, c.round, i))
}

// close ends the copy and returns its path.
func (c *corpus) close(t *testing.T) string {
	t.Helper()
	if err := c.written.Flush(); err != nil {
		t.Fatal(err)
	}
	return c.file.Name()
}

func eventList(lines []string) string {
	return `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[` + strings.Join(lines, ",") + `]}`
}
