package caps

import (
	"strings"
	"testing"
)

const statusText = "Name:\tsh\nCapInh:\t0000000000000001\nCapPrm:\t0000000000080004\nCapEff:\t0000000000000004\nCapBnd:\t000001ffffffffff\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\n"

func TestParseStatus(t *testing.T) {
	got, err := ParseStatus([]byte(statusText))
	want := Status{Effective: DACReadSearch, Permitted: SysPtrace | DACReadSearch, Inheritable: 1, Bounding: 1<<41 - 1, NoNewPrivs: true}
	if err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{"", "CapEff:\t1\n", strings.Replace(statusText, "CapEff:\t0000000000000004", "CapEff:\tx", 1)} {
		if st, err := ParseStatus([]byte(bad)); err == nil {
			t.Errorf("%q gives %+v", bad, st)
		}
	}
}

func TestSet(t *testing.T) {
	if got, want := Setup.String(), "CAP_DAC_READ_SEARCH, CAP_SETPCAP, CAP_NET_ADMIN, CAP_SYS_PTRACE, CAP_SYS_RESOURCE, CAP_PERFMON, CAP_BPF"; got != want {
		t.Errorf("the set is %s, want %s", got, want)
	}
	if got := (BPF | 1<<62).Lacks(Load | 1<<63); got != Perfmon|1<<63 || got.String() != "CAP_PERFMON, capability 63" {
		t.Errorf("it lacks %v", got)
	}
	if got := SysAdmin.Lacks(Setup); got != Run|SysResource|SetPCap {
		t.Errorf("CAP_SYS_ADMIN lacks %v", got)
	}
}

func FuzzParseStatus(f *testing.F) {
	f.Add([]byte(statusText))
	f.Add([]byte("CapEff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if st, err := ParseStatus(b); err != nil && st != (Status{}) {
			t.Fatalf("%+v and %v", st, err)
		}
	})
}
