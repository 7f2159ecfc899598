package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Cluster is what the API server of a cluster said of its nodes and of the
// sensor that Vedette keeps there. Times are of the wall clock.
type Cluster struct {
	Account string `json:"account"`
	Region  string `json:"region"`
	Name    string `json:"name"`
	// Managed says that this installation may keep the sensor, Wanted that the
	// detector's features ask for it, and Since from when on they say what they say.
	// Left says that no detector of this store ever said whether it asks for it.
	Managed bool      `json:"managed"`
	Wanted  bool      `json:"wanted"`
	Left    bool      `json:"left,omitempty"`
	Since   time.Time `json:"since,omitzero"`
	At      time.Time `json:"at,omitzero"` // it was looked at last
	// Skew is by how much the API server's clock is ahead of the server's.
	Skew time.Duration `json:"skew,omitempty"`
	// Fault is why the sensor cannot be kept as it should, "Kind:details"; "" when it can.
	Fault  string        `json:"fault,omitempty"`
	Sensor ClusterSensor `json:"sensor"`
	// Nodes are those of the API server at NodesAt; zero when they were never listed.
	NodesAt time.Time     `json:"nodesAt,omitzero"`
	Nodes   []ClusterNode `json:"nodes,omitempty"`
}

// ClusterSensor is the DaemonSet of the sensor.
type ClusterSensor struct {
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name,omitempty"`
	// Installed says that there is one that Vedette made; Foreign, that somebody
	// else made one of its name.
	Installed bool      `json:"installed,omitempty"`
	Foreign   bool      `json:"foreign,omitempty"`
	Created   time.Time `json:"created,omitzero"`
	// Deleting says that it is being taken away.
	Deleting bool `json:"deleting,omitempty"`
	// Desired, Ready and Updated count nodes: that should have a pod, whose pod
	// is ready, and whose pod is of the newest form.
	Desired int `json:"desired,omitempty"`
	Ready   int `json:"ready,omitempty"`
	Updated int `json:"updated,omitempty"`
}

// ClusterNode is a node as the API server knows it.
type ClusterNode struct {
	Name    string    `json:"name"`
	Created time.Time `json:"created,omitzero"`
	// Excluded is why no sensor can or shall be there; "" when one should.
	Excluded string `json:"excluded,omitempty"`
	// Unready says that its kubelet does not report.
	Unready bool `json:"unready,omitempty"`
	// Pod is the sensor's, and Trouble what keeps it from running.
	Pod     string `json:"pod,omitempty"`
	Trouble string `json:"trouble,omitempty"`
}

// clusterState is the name of the state, whose scope is the cluster's name.
const clusterState = "kubernetes-cluster"

// PutCluster stores what is known of a cluster.
func (tx *Tx) PutCluster(c *Cluster) error {
	data, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("store cluster %s: %w", c.Name, err)
	}
	return tx.PutState(c.Name, clusterState, data)
}

// ForgetCluster removes what is known of a cluster.
func (tx *Tx) ForgetCluster(name string) error {
	if err := tx.do(`DELETE FROM state WHERE scope = ? AND name = ?`, name, clusterState); err != nil {
		return fmt.Errorf("forget cluster %s: %w", name, err)
	}
	return nil
}

// Clusters returns what is known of all clusters, in order of their names.
func (s *Store) Clusters(ctx context.Context) ([]Cluster, error) {
	states, err := s.States(ctx, clusterState)
	if err != nil {
		return nil, err
	}
	var out []Cluster
	for _, st := range states {
		var c Cluster
		if err := json.Unmarshal(st.Data, &c); err != nil {
			return nil, fmt.Errorf("read cluster %s: %w", st.Scope, err)
		}
		out = append(out, c)
	}
	return out, nil
}

// ClusterOf is the cluster of that name in an account and Region, nil if it is
// not known.
func ClusterOf(list []Cluster, account, region, name string) *Cluster {
	for i := range list {
		if c := &list[i]; c.Name == name && c.Account == account && c.Region == region {
			return c
		}
	}
	return nil
}
