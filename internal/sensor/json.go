package sensor

import (
	"bytes"
	"net/netip"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/sensor/lru"
)

// writer appends JSON. Nearly all of the sensor's work for a record would be
// its encoding by reflection; a test holds this to the same meaning.
type writer struct {
	b []byte
	// parents, if it is set, are the record's ancestors where they do not
	// change: each is encoded once, for the few that start most of what is told.
	parents []*event.Process
	written *lru.Map[*event.Process, []byte]
}

// maxWritten bounds the ancestors that are kept encoded.
const maxWritten = 512

// family appends the ancestors.
func (w *writer) family() {
	w.key("ancestors")
	w.b = append(w.b, '[')
	for i, p := range w.parents {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		if text, ok := w.written.Get(p); ok {
			w.b = append(w.b, text...)
			continue
		}
		from := len(w.b)
		w.b = append(w.b, '{')
		w.process(p)
		w.close()
		w.written.Put(p, bytes.Clone(w.b[from:]))
	}
	w.b = append(w.b, ']')
}

const hexDigits = "0123456789abcdef"

// str appends a string. Other control characters than the common ones, what
// is no UTF-8, and the characters that stand for raw bytes, are escaped.
func (w *writer) str(s string) {
	w.b = append(w.b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c != 0x7f && c < utf8.RuneSelf {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			w.b = append(w.b, s[start:i]...)
			switch c {
			case '"', '\\':
				w.b = append(w.b, '\\', c)
			case '\n':
				w.b = append(w.b, '\\', 'n')
			case '\t':
				w.b = append(w.b, '\\', 't')
			default:
				w.escape(rune(c))
			}
			i++
			start = i
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 || firstRaw <= r && r <= lastRaw || 0x80 <= r && r < 0xa0 || r == 0x2028 || r == 0x2029 {
			w.b = append(w.b, s[start:i]...)
			w.escape(r)
			start = i + n
		}
		i += n
	}
	w.b = append(append(w.b, s[start:]...), '"')
}

func (w *writer) escape(r rune) {
	w.b = append(w.b, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}

// key starts a field. Objects are written without looking ahead: what opens
// one writes "{", and each field but the first puts a comma before itself.
func (w *writer) key(name string) {
	if c := w.b[len(w.b)-1]; c != '{' {
		w.b = append(w.b, ',')
	}
	w.b = append(append(append(w.b, '"'), name...), '"', ':')
}

func (w *writer) open(name string) {
	w.key(name)
	w.b = append(w.b, '{')
}

func (w *writer) close() { w.b = append(w.b, '}') }

func (w *writer) always(name, s string) {
	w.key(name)
	w.str(s)
}

func (w *writer) text(name, s string) {
	if s != "" {
		w.always(name, s)
	}
}

func (w *writer) uint(name string, n uint64) {
	w.key(name)
	w.b = strconv.AppendUint(w.b, n, 10)
}

func (w *writer) int(name string, n int64) {
	w.key(name)
	w.b = strconv.AppendInt(w.b, n, 10)
}

// someUint and someInt leave 0 out.
func (w *writer) someUint(name string, n uint64) {
	if n != 0 {
		w.uint(name, n)
	}
}

func (w *writer) someInt(name string, n int64) {
	if n != 0 {
		w.int(name, n)
	}
}

func (w *writer) float(name string, f float64) {
	w.key(name)
	w.b = strconv.AppendFloat(w.b, f, 'f', -1, 64)
}

func (w *writer) flag(name string, is bool) {
	if is {
		w.key(name)
		w.b = append(w.b, "true"...)
	}
}

func (w *writer) time(name string, t time.Time) {
	if !t.IsZero() {
		w.key(name)
		w.b = append(t.AppendFormat(append(w.b, '"'), time.RFC3339Nano), '"')
	}
}

func (w *writer) texts(name string, all []string) {
	if len(all) > 0 {
		w.array(name, all)
	}
}

// array appends texts, also where there are none.
func (w *writer) array(name string, all []string) {
	w.key(name)
	w.b = append(w.b, '[')
	for i, s := range all {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.str(s)
	}
	w.b = append(w.b, ']')
}

func (w *writer) end(name string, a netip.AddrPort) {
	if a != (netip.AddrPort{}) {
		w.key(name)
		w.b = append(w.b, '"')
		if a.IsValid() {
			w.b = a.AppendTo(w.b)
		}
		w.b = append(w.b, '"')
	}
}

func (w *writer) counts(name string, m map[string]int64) {
	if len(m) == 0 {
		return
	}
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	w.open(name)
	for _, k := range keys {
		if w.b[len(w.b)-1] != '{' {
			w.b = append(w.b, ',')
		}
		w.str(k)
		w.b = append(w.b, ':')
		w.b = strconv.AppendInt(w.b, m[k], 10)
	}
	w.close()
}

// list appends objects.
func list[T any](w *writer, name string, all []T, one func(*T)) {
	if len(all) == 0 {
		return
	}
	w.key(name)
	w.b = append(w.b, '[')
	for i := range all {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.b = append(w.b, '{')
		one(&all[i])
		w.close()
	}
	w.b = append(w.b, ']')
}

// record appends a record as one object.
func (w *writer) record(r *event.Runtime) {
	w.b = append(w.b, '{')
	w.always("runtimeVersion", r.Version)
	w.always("kind", string(r.Kind))
	w.key("time")
	w.b = append(r.Time.AppendFormat(append(w.b, '"'), time.RFC3339Nano), '"')
	w.sensor(&r.Sensor)
	w.node(&r.Node)
	if r.Process != nil {
		w.open("process")
		w.process(r.Process)
		w.close()
	}
	if len(w.parents) > 0 {
		w.family()
	} else {
		list(w, "ancestors", r.Ancestors, w.process)
	}
	if r.Container != nil {
		w.open("container")
		w.container(r.Container)
		w.close()
	}
	if r.Pod != nil {
		w.open("pod")
		w.pod(r.Pod)
		w.close()
	}
	w.text("error", r.Error)
	w.body(r)
	w.close()
}

func (w *writer) sensor(s *event.Sensor) {
	w.open("sensor")
	w.always("name", s.Name)
	w.text("version", s.Version)
	w.text("session", s.Session)
	w.someUint("sequence", s.Sequence)
	w.close()
}

func (w *writer) node(n *event.Node) {
	w.open("node")
	w.always("name", n.Name)
	w.text("cluster", n.Cluster)
	w.text("bootId", n.BootID)
	w.text("kernel", n.Kernel)
	w.text("instanceId", n.InstanceID)
	w.text("accountId", n.Account)
	w.text("region", n.Region)
	w.text("address", n.Address)
	w.close()
}

func (w *writer) process(p *event.Process) {
	w.always("uuid", p.UUID)
	w.text("parentUuid", p.ParentUUID)
	w.int("pid", int64(p.PID))
	w.someInt("namespacePid", int64(p.NamespacePID))
	w.always("name", p.Name)
	w.text("executable", p.Executable)
	w.text("sha256", p.SHA256)
	w.texts("args", p.Args)
	w.flag("argsCut", p.ArgsCut)
	w.text("cwd", p.Cwd)
	w.text("script", p.Script)
	w.uint("uid", uint64(p.UID))
	w.uint("gid", uint64(p.GID))
	w.uint("euid", uint64(p.EUID))
	w.uint("egid", uint64(p.EGID))
	w.text("user", p.User)
	w.time("start", p.Start)
	w.flag("tty", p.TTY)
	w.flag("listens", p.Listens)
	w.text("ldPreload", p.Preload)
	w.text("ldLibraryPath", p.LibraryPath)
}

func (w *writer) container(c *event.Container) {
	w.always("id", c.ID)
	w.text("name", c.Name)
	w.text("image", c.Image)
	w.text("imageId", c.ImageID)
	w.text("runtime", c.Runtime)
	w.time("start", c.Start)
	w.flag("privileged", c.Privileged)
	list(w, "mounts", c.Mounts, func(b *event.Bind) {
		w.always("source", b.Source)
		w.always("target", b.Target)
		w.text("name", b.Name)
		w.flag("readOnly", b.ReadOnly)
	})
	w.flag("build", c.Build)
}

func (w *writer) pod(p *event.Pod) {
	w.always("name", p.Name)
	w.always("namespace", p.Namespace)
	w.text("uid", p.UID)
	w.text("serviceAccount", p.ServiceAccount)
	w.text("ownerKind", p.OwnerKind)
	w.text("ownerName", p.OwnerName)
	w.text("address", p.Address)
	w.flag("hostNetwork", p.HostNetwork)
	w.flag("hostPid", p.HostPID)
	w.flag("hostIpc", p.HostIPC)
}
