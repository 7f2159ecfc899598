package incluster

import "testing"

func TestFind(t *testing.T) {
	for _, c := range []struct{ host, port, want string }{
		{"", "", ""},
		{"", "443", ""},
		{"10.96.0.1", "6443", "https://10.96.0.1:6443"},
		{"10.96.0.1", "", "https://10.96.0.1:443"},
		{"fd00:10:96::1", "443", "https://[fd00:10:96::1]:443"},
		{"api.example.org", "443", "https://api.example.org:443"},
	} {
		got, ok := Find(func(name string) string {
			return map[string]string{"KUBERNETES_SERVICE_HOST": c.host, "KUBERNETES_SERVICE_PORT": c.port}[name]
		})
		var want Server
		if c.want != "" {
			want = Server{c.want, "/var/run/secrets/kubernetes.io/serviceaccount/token", "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"}
		}
		if got != want || ok != (c.want != "") {
			t.Errorf("%q %q: %+v %v", c.host, c.port, got, ok)
		}
	}
}
