package api

import (
	"context"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// typeEKS is the one resource type there is: clusters are covered. GuardDuty
// has no such resource for the logs of an account.
const typeEKS = "EKS"

// sourceRuntime is the source whose resources have nodes.
const sourceRuntime = "runtime"

// coverageResource is a source of records as the wire shows it. What it does
// not have, such as the nodes of an audit log, is left out.
type coverageResource struct {
	ResourceID      string          `json:"resourceId"`
	DetectorID      string          `json:"detectorId"`
	AccountID       string          `json:"accountId"`
	ResourceDetails coverageDetails `json:"resourceDetails"`
	CoverageStatus  string          `json:"coverageStatus"`
	Issue           string          `json:"issue,omitempty"` // "Issue type:Extra information"
	UpdatedAt       finding.Epoch   `json:"updatedAt"`
}

type coverageDetails struct {
	EKSClusterDetails struct {
		ClusterName string `json:"clusterName"`
		// CoveredNodes are those whose sensor is well, CompatibleNodes all.
		CoveredNodes    *int64        `json:"coveredNodes,omitempty"`
		CompatibleNodes *int64        `json:"compatibleNodes,omitempty"`
		AddonDetails    *addonDetails `json:"addonDetails,omitempty"`
		ManagementType  string        `json:"managementType,omitempty"`
	} `json:"eksClusterDetails"`
	ResourceType string `json:"resourceType"`
}

// addonDetails is the sensor in the place of GuardDuty's add-on.
type addonDetails struct {
	Version string `json:"addonVersion,omitempty"` // none before it said so
	Status  string `json:"addonStatus"`
}

func newCoverageResource(d finding.Detector, src *store.Source) coverageResource {
	r := coverageResource{
		ResourceID: src.SourceKey.Source + "/" + src.Cluster, DetectorID: d.ID, AccountID: src.Account,
		CoverageStatus: src.Status, Issue: src.Issue, UpdatedAt: finding.Epoch{Time: src.Updated},
	}
	r.ResourceDetails.ResourceType = typeEKS
	r.ResourceDetails.EKSClusterDetails.ClusterName = src.Cluster
	return r
}

// field is what a criterion or an order may ask for; ok is false when the
// resource has no such thing.
func (r *coverageResource) field(key string) (value string, ok bool) {
	switch key {
	case "ACCOUNT_ID":
		return r.AccountID, true
	case "CLUSTER_NAME", "EKS_CLUSTER_NAME": // the former is the older name
		return r.ResourceDetails.EKSClusterDetails.ClusterName, true
	case "COVERAGE_STATUS":
		return r.CoverageStatus, true
	case "ISSUE":
		return r.Issue, true
	case "RESOURCE_TYPE":
		return r.ResourceDetails.ResourceType, true
	case "MANAGEMENT_TYPE":
		return r.ResourceDetails.EKSClusterDetails.ManagementType, r.ResourceDetails.EKSClusterDetails.ManagementType != ""
	case "ADDON_VERSION":
		if a := r.ResourceDetails.EKSClusterDetails.AddonDetails; a != nil {
			return a.Version, true
		}
	}
	return "", false
}

// covered reads the sources of a detector's Region that match: those of its
// account and, for the administrator, of its members.
func (s *server) covered(ctx context.Context, d finding.Detector, criteria coverageCriteria) ([]coverageResource, error) {
	sources, err := s.Store.Sources(ctx)
	if err != nil {
		return nil, err
	}
	now := s.Now()
	nodes, err := s.Store.Nodes(ctx, now.Add(-store.NodeKept))
	if err != nil {
		return nil, err
	}
	clusters, err := s.Store.Clusters(ctx)
	if err != nil {
		return nil, err
	}
	accounts, err := s.administered(ctx, d.Account)
	if err != nil {
		return nil, err
	}
	out := []coverageResource{}
	add := func(r *coverageResource) {
		if criteria.match(r) {
			out = append(out, *r)
		}
	}
	for i := range sources {
		if !accounts[sources[i].Account] || sources[i].Region != d.Region || sources[i].Cluster == "" {
			continue
		}
		r := newCoverageResource(d, &sources[i])
		if sources[i].SourceKey.Source == sourceRuntime {
			c := store.ClusterOf(clusters, sources[i].Account, d.Region, sources[i].Cluster)
			r.addNodes(&d, c, store.CoverageIn(c, store.NodesOf(nodes, sources[i].Account, d.Region, sources[i].Cluster), now), !sources[i].LastReceived.IsZero())
		}
		add(&r)
	}
	for i := range clusters {
		if c := &clusters[i]; accounts[c.Account] && c.Region == d.Region && !isRuntimeSource(sources, c) {
			r := newSilentCluster(&d, c, now)
			add(&r)
		}
	}
	return out, nil
}

func (s *server) listCoverage(ctx context.Context, c *call) (any, error) {
	d, err := s.detector(ctx, c)
	if err != nil {
		return nil, err
	}
	q := coverageQuery{Detector: d.ID}
	if q.Criteria, err = readCoverageCriteria(c.body); err != nil {
		return nil, err
	}
	if q.Sort, err = readCoverageSort(c.body); err != nil {
		return nil, err
	}
	limit, given, err := c.body.integer("maxResults", 1, maxPage)
	if err != nil {
		return nil, err
	}
	if !given {
		limit = maxPage
	}
	token, _, err := c.body.text("nextToken", 0, maxTokenLen)
	if err != nil {
		return nil, err
	}
	after, err := q.readToken(token)
	if err != nil {
		return nil, err
	}
	all, err := s.covered(ctx, d, q.Criteria)
	if err != nil {
		return nil, err
	}
	resources, next := q.page(all, after, int(limit))
	return struct {
		Resources []coverageResource `json:"resources"`
		NextToken string             `json:"nextToken,omitempty"`
	}{resources, next}, nil
}
