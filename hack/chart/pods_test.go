package main

import (
	"slices"
	"strings"
	"testing"
)

// sensorCaps are all that the sensor is given.
func sensorCaps() []string {
	return []string{"BPF", "PERFMON", "NET_ADMIN", "SYS_PTRACE", "DAC_READ_SEARCH"}
}

// checkPods holds every pod to what it may be: the sensor has its five
// capabilities and sees the node, the audit log's pods read one folder, all
// others meet the restricted Pod Security Standard.
func checkPods(t *testing.T, all []manifest) {
	t.Helper()
	for _, m := range all {
		pod := m.pod()
		if pod == nil {
			continue
		}
		for _, c := range list(pod, "containers") {
			if !strings.HasPrefix(word(c, "image"), "shipper") && at(c, "securityContext", "readOnlyRootFilesystem") != true {
				t.Errorf("%s: %s may write to its root", m, word(c, "name"))
			}
			if at(c, "securityContext", "privileged") != nil || at(c, "securityContext", "allowPrivilegeEscalation") != false {
				t.Errorf("%s: %s may become more than it is: %v", m, word(c, "name"), at(c, "securityContext"))
			}
			if got := list(c, "securityContext", "capabilities", "drop"); len(got) != 1 || got[0] != "ALL" {
				t.Errorf("%s: %s drops %v, not ALL", m, word(c, "name"), got)
			}
		}
		switch word(m, "metadata", "labels", "app.kubernetes.io/component") {
		case "sensor":
			checkSensor(t, m)
		case "audit-log":
			checkAuditLog(t, m)
		default:
			checkRestricted(t, m)
		}
	}
}

func checkSensor(t *testing.T, m manifest) {
	t.Helper()
	pod := m.pod()
	var caps []string
	for _, c := range list(pod, "containers", 0, "securityContext", "capabilities", "add") {
		caps = append(caps, c.(string))
	}
	if want := sensorCaps(); !slices.Equal(caps, want) {
		t.Errorf("%s has %v, want %v", m, caps, want)
	}
	if at(pod, "hostPID") != true || at(pod, "hostNetwork") != nil || at(pod, "hostIPC") != nil {
		t.Errorf("%s: hostPID and nothing else of the node is what it needs", m)
	}
	if tol := list(pod, "tolerations"); len(tol) != 1 || word(tol[0], "operator") != "Exists" || at(tol[0], "key") != nil || at(tol[0], "effect") != nil {
		t.Errorf("%s does not tolerate every taint: %v", m, tol)
	}
}

func checkAuditLog(t *testing.T, m manifest) {
	t.Helper()
	pod := m.pod()
	for _, c := range list(pod, "containers") {
		if at(c, "securityContext", "capabilities", "add") != nil {
			t.Errorf("%s: root's own files need no capability", m)
		}
		for _, mount := range list(c, "volumeMounts") {
			if word(mount, "name") == "log" && at(mount, "readOnly") != true {
				t.Errorf("%s may write to the log", m)
			}
		}
	}
	if at(pod, "hostPID") != nil || at(pod, "hostNetwork") != nil {
		t.Errorf("%s is given more of the node than the log", m)
	}
}

func checkRestricted(t *testing.T, m manifest) {
	t.Helper()
	pod := m.pod()
	if at(pod, "securityContext", "runAsNonRoot") != true || at(pod, "securityContext", "runAsUser") != 65532 ||
		word(pod, "securityContext", "seccompProfile", "type") != "RuntimeDefault" {
		t.Errorf("%s: its security context is %v", m, at(pod, "securityContext"))
	}
	for _, v := range list(pod, "volumes") {
		if at(v, "hostPath") != nil {
			t.Errorf("%s mounts a folder of the node", m)
		}
	}
	for _, key := range []string{"hostPID", "hostNetwork", "hostIPC"} {
		if at(pod, key) != nil {
			t.Errorf("%s has %s", m, key)
		}
	}
}
