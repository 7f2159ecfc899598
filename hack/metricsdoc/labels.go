package main

import (
	"fmt"
	"slices"
	"strings"
)

// label says which values a label has. All of them are bounded: they are a
// fixed set, or as many as the operator configured.
type label struct {
	name string
	// metrics are those it is about; none is all that no other line names.
	metrics []string
	values  []string // a fixed set
	open    string   // or what they are
}

// labels are all labels of all metrics. A test compares the fixed sets with the
// code and with what a server shows.
func labels() []label {
	sources := []string{"k8s-audit", "cloudtrail", "vpc-flow", "dns", "runtime", "intel", "feedback", "journal"}
	return []label{
		{name: "version", open: "the version that runs"},
		{name: "operation", open: "an operation of the GuardDuty API, such as `ListFindings`, or `unknown`"},
		{name: "code", open: "the HTTP status"},
		{name: "level", values: []string{"warn", "error"}},
		{name: "source", values: sources},
		{name: "source", metrics: []string{"vedette_ingest_source_healthy"}, values: append(slices.Clone(sources), "sqs-queue", "s3-bucket", "s3-objects", "cloudtrail-digest", "rules")},
		{name: "cluster", open: "the cluster of the records, as it is configured or pushed under; empty for those of an account"},
		{name: "cluster", metrics: []string{"vedette_ingest_source_healthy"}, open: "the cluster; or the name of the queue or bucket"},
		{name: "cluster", metrics: []string{"vedette_kube_token_reviews_total", "vedette_manage_sensor_pods", "vedette_manage_sensor_fault"}, open: "the cluster's name in `kubernetes.clusters`"},
		{name: "shard", open: "the number of the shard, from 0 to `journal.shards` - 1"},
		{name: "outcome", metrics: []string{"vedette_detect_records_total"}, values: []string{"evaluated", "duplicate", "malformed", "dropped"}},
		{name: "outcome", metrics: []string{"vedette_publish_events_total"}, values: []string{"taken", "refused"}},
		{name: "outcome", metrics: []string{"vedette_trace_spans_total"}, values: []string{"sent", "queue_full", "refused", "failed"}},
		{name: "reason", values: []string{
			"not_json", "incomplete", "binary", "unsupported_version", "not_an_audit_event", "bad_field", "record_too_long", "other_log_stream", "detector_disabled",
			"seen_before", "learned", "learned_before", "judging_failed", "waited_too_long", "set_aside", "journal_gap", "journal_corrupt", "wrong_format",
			"missing_fields", "no_time", "digest_file", "notification", "sensor_gap", "sensor_lost", "control_message", "",
		}},
		{name: "mark", values: []string{"truncated", "late", "no_data", "skip_data"}},
		{name: "state", metrics: []string{"vedette_ingest_sensor_nodes"}, values: []string{"expected", "covered"}},
		{name: "state", metrics: []string{"vedette_intel_feed_state"}, values: []string{"waiting", "ok", "failing", "held", "stale", "unreadable"}},
		{name: "state", metrics: []string{"vedette_intel_file_state"}, values: []string{"ok", "faulty", "kept"}},
		{name: "state", metrics: []string{"vedette_detect_learned_scopes"}, values: []string{"ready", "learning"}},
		{name: "part", values: []string{"feeds", "operator", "api", "geo"}},
		{name: "kind", metrics: []string{"vedette_intel_entries"}, values: []string{"builtin", "feed", "operator", "api"}},
		{name: "kind", metrics: []string{"vedette_ingest_digest_problems_total"}, open: "what was wrong, such as `missing_file` or `changed_file`; see [AWS](aws.md)"},
		{name: "holds", values: []string{"threats", "trusted", "warning", "networks", "popular"}},
		{name: "feed", open: "the name of the feed"},
		{name: "list", open: "the name of the list in the configuration"},
		{name: "plane", values: []string{"kubernetes", "cloudtrail", "s3"}},
		{name: "target", open: "the name of the target in the configuration; `file`; or `destination-` and the ID of a publishing destination"},
		{name: "result", metrics: []string{"vedette_rules_reloads_total"}, values: []string{"ok", "fault"}},
		{name: "result", metrics: []string{"vedette_ingest_objects_total"}, values: []string{"read", "known", "passed over", "failed", "lost"}},
		{name: "result", metrics: []string{"vedette_ingest_queue_messages_total"}, values: []string{"done", "passed over", "retried", "lost"}},
		{name: "result", metrics: []string{"vedette_kube_token_reviews_total"}, values: []string{"accepted", "refused", "failed", "limited"}},
		{name: "state", metrics: []string{"vedette_manage_sensor_pods"}, values: []string{"desired", "ready", "updated"}},
		{name: "result", metrics: []string{"vedette_ingest_ec2_lookups_total"}, values: []string{"answered", "unknown", "failed"}},
	}
}

// labelOf finds what is said of a label of a metric.
func labelOf(metric, name string) (label, error) {
	var found *label
	all := labels()
	for i := range all {
		switch l := &all[i]; {
		case l.name != name:
		case slices.Contains(l.metrics, metric):
			return *l, nil
		case l.metrics == nil:
			found = l
		}
	}
	if found == nil {
		return label{}, fmt.Errorf("the label %s of %s is not in hack/metricsdoc/labels.go; say there which values it has", name, metric)
	}
	return *found, nil
}

// String says it in the manual.
func (l label) String() string {
	if l.open != "" {
		return l.open
	}
	var out []string
	for _, v := range l.values {
		if v == "" {
			v = "empty"
		} else {
			v = "`" + v + "`"
		}
		out = append(out, v)
	}
	return strings.Join(out, ", ")
}
