package target

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/vedette-project/vedette/internal/publish"
)

// Lake writes findings as Detection Findings of OCSF in Parquet, in the folders
// of a custom source of Amazon Security Lake:
// PREFIX/region=REGION/accountId=ACCOUNT/eventDay=YYYYMMDD/.
type Lake struct {
	S3
	Version string // of the program
}

// lakePrefix is where the source of Vedette is, by default.
const lakePrefix = "ext/vedette"

// Send writes an object for each Region, account and day that the findings are
// of. Its name follows from its findings: what is written again replaces itself.
func (t *Lake) Send(ctx context.Context, events []publish.Event) error {
	each, groups := make(publish.Each, len(events)), map[string][]int{}
	rows := make([]ocsfFinding, len(events))
	var order []string
	for i := range events {
		f := events[i].Finding()
		if f == nil {
			continue
		}
		row := ocsfOf(&events[i], t.Version)
		text, err := encode(f)
		if err != nil {
			each[i] = &publish.RefusedError{Reason: err.Error()}
			continue
		}
		row.Columns = map[string]string{"guardduty": string(text)}
		rows[i] = *row
		dir := path.Join(cmp.Or(t.Prefix, lakePrefix), "region="+folder(f.Region), "accountId="+folder(f.AccountID),
			"eventDay="+time.UnixMilli(row.Time).UTC().Format("20060102"))
		if groups[dir] == nil {
			order = append(order, dir)
		}
		groups[dir] = append(groups[dir], i)
	}
	for _, dir := range order {
		if err := t.write(ctx, dir, rows, groups[dir]); err != nil {
			fail(each, groups[dir], err)
		}
	}
	return result(each)
}

func (t *Lake) write(ctx context.Context, dir string, rows []ocsfFinding, group []int) error {
	name := sha256.New()
	list := make([]ocsfFinding, 0, len(group))
	for _, i := range group {
		name.Write([]byte(rows[i].Metadata.UID))
		list = append(list, rows[i])
	}
	slices.SortStableFunc(list, func(a, b ocsfFinding) int { return cmp.Compare(a.Time, b.Time) })
	var b bytes.Buffer
	w := parquet.NewGenericWriter[ocsfFinding](&b, parquet.Compression(&parquet.Zstd), parquet.CreatedBy("vedette", t.Version, ""))
	if _, err := w.Write(list); err != nil {
		return &publish.RefusedError{Reason: "it cannot be written as Parquet: " + err.Error()}
	}
	if err := w.Close(); err != nil {
		return &publish.RefusedError{Reason: "it cannot be written as Parquet: " + err.Error()}
	}
	return t.put(ctx, dir+"/"+objectName(name)+".parquet", "application/vnd.apache.parquet", b.Bytes())
}

// folder is a text as a part of a key.
func folder(s string) string { return strings.ReplaceAll(cmp.Or(s, "unknown"), "/", "_") }
