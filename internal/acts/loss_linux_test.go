package acts

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/vedette-project/vedette/internal/sensor/deliver"
	"github.com/vedette-project/vedette/internal/testbed"
)

var ended = regexp.MustCompile(`(?m)^vedette_detect_records_total\{.*outcome="(\w+)",reason="(\w*)",source="runtime"\} (\d+)`)

// outcomes is how the server says that the records ended, without those that
// came twice.
func (w *world) outcomes() (all, gap int) {
	for _, m := range ended.FindAllStringSubmatch(w.metricsPage(), -1) {
		n, err := strconv.Atoi(m[3])
		if err != nil {
			w.t.Fatal(err)
		}
		if m[1] == "duplicate" {
			continue
		}
		all += n
		if m[2] == "sensor_gap" {
			gap += n
		}
	}
	return all, gap
}

// numbered is how many records the sensor that ended last had numbered.
func (w *world) numbered() int {
	w.t.Helper()
	b, err := os.ReadFile(filepath.Join(w.dir, "sensor", "session"))
	if err != nil {
		w.t.Fatal(err)
	}
	dir := w.t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "session"), b, 0o600); err != nil {
		w.t.Fatal(err)
	}
	s, before, err := deliver.OpenSession(dir, "test")
	if err != nil {
		w.t.Fatal(err)
	}
	defer s.Close()
	if before == nil || before.Sequence == 0 {
		w.t.Fatal("the sensor left no number behind")
	}
	return int(before.Sequence)
}

// TestHostileAndKilled: names that are meant to harm do none, and a sensor that
// is killed in the middle of a storm comes back and says what was missed.
func TestHostileAndKilled(t *testing.T) {
	w := newWorld(t)
	hostile := w.run("hostile", true, testbed.ContainerOptions{})
	w.perform(hostile, [][]string{do("hostile")})
	busy := w.run("storm", true, testbed.ContainerOptions{})
	storm := make(chan struct{})
	go func() {
		defer close(storm)
		w.perform(busy, [][]string{do("storm", "2000")})
	}()
	before, _ := w.outcomes()
	w.eventually(30*time.Second, "records of the storm", func() bool {
		all, _ := w.outcomes()
		return all > before+300
	})
	w.sensor.stop(syscall.SIGKILL)
	first := w.numbered()
	w.startSensor()
	<-storm
	w.mark()
	w.sensor.stop(syscall.SIGTERM)
	second := w.numbered()
	w.eventually(20*time.Second, "the account of all that both sensors numbered", func() bool {
		all, _ := w.outcomes()
		return all >= first+second
	})
	all, gap := w.outcomes()
	if all != first+second {
		t.Errorf("%d records are accounted for, %d of them as never come; the sensors numbered %d and %d", all, gap, first, second)
	}
	t.Logf("of %d records %d never came, and the server says so", all, gap)
	for _, f := range w.findings() {
		switch place(&f) {
		case "mark":
		case "hostile":
			for _, text := range []string{aws.ToString(f.Title), aws.ToString(f.Description)} {
				if i := strings.IndexFunc(text, unicode.IsControl); i >= 0 {
					t.Errorf("a control character at %d of %q", i, text)
				}
			}
			if text := aws.ToString(f.Service.AdditionalInfo.Value); !json.Valid([]byte(text)) {
				t.Errorf("no JSON: %q", text)
			}
		default:
			t.Errorf("%s in %s: %s", aws.ToString(f.Type), place(&f), aws.ToString(f.Description))
		}
	}
}
