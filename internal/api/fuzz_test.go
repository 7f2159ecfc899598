package api

import (
	"encoding/json"
	"errors"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/vedette-project/vedette/internal/finding"
)

// A body is read to a valid thing or refused with a BadRequest, whatever it holds.
func FuzzBody(f *testing.F) {
	f.Add([]byte(`{"enable":true,"features":[{"name":"EKS_RUNTIME_MONITORING","status":"ENABLED","additionalConfiguration":[{"name":"EKS_ADDON_MANAGEMENT","status":"ENABLED"}]}],"tags":{"a":"b"}}`))
	f.Add([]byte(`{"dataSources":{"s3Logs":{"enable":true},"kubernetes":{"auditLogs":{"enable":null}}}}`))
	f.Add([]byte(`{"name":"abc","rank":1,"action":"ARCHIVE","findingCriteria":{"criterion":{"severity":{"gte":7}}},"sortCriteria":{"attributeName":"severity","orderBy":"ASC"}}`))
	f.Add([]byte(`{"findingIds":["a","b",null],"maxResults":1e9,"groupBy":"DATE"}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		body, err := parseBody(data)
		if err != nil {
			checkRefusal(t, err)
			return
		}
		now := time.Unix(0, 0)
		d := finding.Detector{Features: defaultFeatures(now)}
		if err := applyDetectorSettings(&d, body, now); err != nil {
			checkRefusal(t, err)
		} else if isOn(&d, eksRuntime) && isOn(&d, allRuntime) || len(d.Features) != len(features()) {
			t.Errorf("%s gave the features %+v", data, d.Features)
		}
		fl := finding.Filter{Name: "f", Action: "NOOP", Rank: 1}
		if err := applyFilterSettings(&fl, body); err != nil {
			checkRefusal(t, err)
		} else if len(fl.Criteria) == 0 || fl.Rank < 1 || fl.Rank > maxRank {
			t.Errorf("%s gave the filter %+v", data, fl)
		}
		if tags, err := readTags(body, "tags"); err != nil {
			checkRefusal(t, err)
		} else if len(tags) > maxTagsResource {
			t.Errorf("%d tags", len(tags))
		}
		if ids, err := readIDs(body); err != nil {
			checkRefusal(t, err)
		} else if len(ids) > maxIDs {
			t.Errorf("%d ids", len(ids))
		}
		if _, err := readSort(body); err != nil {
			checkRefusal(t, err)
		}
	})
}

// checkRefusal checks that an error is one for the caller, and can be sent.
func checkRefusal(t *testing.T, err error) {
	t.Helper()
	e := publicError(err)
	if e.status != 400 {
		t.Errorf("error %v would be answered with %d", err, e.status)
	}
	text, err := encode(map[string]string{"message": e.message})
	if err != nil || !json.Valid(text) || !utf8.ValidString(e.message) {
		t.Error(errors.Join(err, e))
	}
}
