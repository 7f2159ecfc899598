package rule

import (
	"strconv"
	"strings"

	"github.com/vedette-project/vedette/internal/event"
)

func auditKind() *kind {
	of := func(get func(*event.Audit) string) getter {
		return func(ev *event.Event, s *sink) { s.text(get(ev.Audit)) }
	}
	pods := func(path string) []string { // a pod's own, or a workload's template's
		return []string{"requestObject.spec." + path, "requestObject.spec.template.spec." + path, "requestObject.spec.jobTemplate.spec.template.spec." + path}
	}
	return &kind{
		name:    "k8s-audit",
		applies: func(ev *event.Event) bool { return ev.Audit != nil },
		native: map[string]getter{
			keywords:                    wholeRecord,
			"verb":                      of(func(a *event.Audit) string { return a.Verb }),
			"stage":                     of(func(a *event.Audit) string { return a.Stage }),
			"level":                     of(func(a *event.Audit) string { return a.Level }),
			"requestURI":                of(func(a *event.Audit) string { return a.RequestURI }),
			"userAgent":                 of(func(a *event.Audit) string { return a.UserAgent }),
			"impersonatedUser.username": of(func(a *event.Audit) string { return a.Impersonated.Username }),
			"user.username":             of(func(a *event.Audit) string { return a.User.Username }),
			"objectRef.resource":        of(func(a *event.Audit) string { return a.Object.Resource }),
			"objectRef.subresource":     of(func(a *event.Audit) string { return a.Object.Subresource }),
			"objectRef.namespace":       of(func(a *event.Audit) string { return a.Object.Namespace }),
			"objectRef.name":            of(func(a *event.Audit) string { return a.Object.Name }),
			"objectRef.apiGroup":        of(func(a *event.Audit) string { return a.Object.APIGroup }),
			"succeeded": func(ev *event.Event, s *sink) { // and no dry run
				s.text(strconv.FormatBool(ev.Audit.Succeeded() && !ev.Audit.DryRun()))
			},
			"outside": func(_ *event.Event, s *sink) { s.text(strconv.FormatBool(s.m.Facts.Outside)) },
			"knownInside": func(_ *event.Event, s *sink) {
				if s.m.Facts.Outside {
					s.text(strconv.FormatBool(s.m.Facts.KnownInside))
				}
			},
			"responseStatus.code": func(ev *event.Event, s *sink) {
				if ev.Audit.Code != 0 {
					s.number(int64(ev.Audit.Code))
				}
			},
		},
		other: map[string][]string{
			"apiGroup": {"objectRef.apiGroup"}, "resource": {"objectRef.resource"}, "namespace": {"objectRef.namespace"}, "subresource": {"objectRef.subresource"},
			"username": {"user.username"}, "user": {"user.username"}, "src_ip": {"sourceIPs"}, "SourceIp": {"sourceIPs"},
			"hostPath":     pods("volumes.hostPath"),
			"capabilities": pods("containers.securityContext.capabilities"),
			"privileged":   pods("containers.securityContext.privileged"),
			"image":        pods("containers.image"),
			"hostNetwork":  pods("hostNetwork"), "hostPID": pods("hostPID"), "hostIPC": pods("hostIPC"),
			"serviceAccountName": pods("serviceAccountName"),
		},
		parts: []section{
			{"requestObject", func(ev *event.Event) []byte { return ev.Audit.RequestObject }},
			{"responseObject", func(ev *event.Event) []byte { return ev.Audit.ResponseObject }},
			{"annotations", func(ev *event.Event) []byte { return ev.Audit.AnnotationsJSON }},
			{"responseStatus", func(ev *event.Event) []byte { return ev.Audit.StatusJSON }},
		},
		// The members of an Event of audit.k8s.io/v1.
		top: strings.Fields("kind apiVersion level auditID stage requestURI verb user impersonatedUser authenticationMetadata sourceIPs userAgent objectRef " +
			"responseStatus requestObject responseObject requestReceivedTimestamp stageTimestamp annotations metadata timestamp"),
	}
}
