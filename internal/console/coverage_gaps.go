package console

import (
	"cmp"
	"slices"
	"strings"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// gap is something that is not watched, and what to do about it.
type gap struct {
	What    string
	Means   string // for detection
	Do      string
	Command string // "": none
}

// gapsOf are the kinds of records of which nothing was ever heard, and clusters
// of which only a part is seen.
func gapsOf(rows []sourceRow, nodes *nodesView) []gap {
	heard := map[string]bool{}
	type place struct{ account, region, cluster string }
	audited, sensed := map[place]bool{}, map[place]bool{}
	for i := range rows {
		r := &rows[i]
		if r.Last.IsZero() && r.Quiet() {
			continue
		}
		heard[r.Source] = true
		switch event.Source(r.Source) {
		case event.K8sAudit:
			audited[place{r.Account, r.Region, r.Cluster}] = true
		case event.RuntimeEvents:
			sensed[place{r.Account, r.Region, r.Cluster}] = true
		}
	}
	var out []gap
	for _, k := range kindsOfRecords() {
		if !heard[k.source] {
			out = append(out, gap{
				What: sourceName(k.source) + ": nothing was ever heard", Means: typesFrom(k.findings...) + " need it.", Do: k.do, Command: k.command,
			})
		}
	}
	var clusters []gap
	for p := range audited {
		if !sensed[p] && heard[string(event.RuntimeEvents)] && !nodes.clusters[store.SourceKey{Account: p.account, Region: p.region, Cluster: p.cluster}] {
			clusters = append(clusters, gap{
				What: "Cluster " + cmp.Or(p.cluster, "without a name") + ": its audit log comes, and no sensor", Means: "What processes do on its nodes is not seen.",
				Do: "Deploy the sensor to it.", Command: "vedette kube sensor --cluster " + quote(cmp.Or(p.cluster, "NAME")) + " …",
			})
		}
	}
	for p := range sensed {
		if !audited[p] && heard[string(event.K8sAudit)] {
			clusters = append(clusters, gap{
				What: "Cluster " + cmp.Or(p.cluster, "without a name") + ": its sensors report, and no audit log comes", Means: "Calls of its API server are not seen.",
				Do: "Have its API server send the audit log.", Command: "vedette kube webhook-config --help",
			})
		}
	}
	slices.SortFunc(clusters, func(a, b gap) int { return strings.Compare(a.What, b.What) })
	return append(out, clusters[:min(len(clusters), maxGaps)]...)
}

// maxGaps bounds how many clusters are told of one by one.
const maxGaps = 50

// kindOfRecords is a kind that there should be some of.
type kindOfRecords struct {
	source   string
	findings []string // sources in the words of the catalogue
	do       string
	command  string
}

func kindsOfRecords() []kindOfRecords {
	return []kindOfRecords{
		{string(event.K8sAudit), []string{"k8s-audit"}, "Have the API server of a cluster send its audit log here, or read the one of EKS.", "vedette kube webhook-config --help"},
		{string(event.RuntimeEvents), []string{"runtime"}, "Deploy the sensor to the nodes of a cluster.", "vedette kube sensor --help"},
		{string(event.CloudTrail), []string{"cloudtrail", "s3-data"}, "Name a queue, bucket or folder of CloudTrail logs in the configuration, under ingest.", ""},
		{string(event.VPCFlow), []string{"vpc-flow", "lambda-flow"}, "Name a queue, bucket or folder of VPC flow logs in the configuration, under ingest.", ""},
		{string(event.DNS), []string{"dns"}, "Name a queue, bucket or folder of Route 53 Resolver query logs in the configuration, under ingest.", ""},
	}
}

// typesFrom counts the finding types that are made from some sources.
func typesFrom(sources ...string) string {
	n := 0
	for _, t := range finding.Catalog() {
		if t.Status == finding.StatusImplemented && slices.Contains(sources, t.Source) {
			n++
		}
	}
	return plural(n, "finding type", "finding types")
}
