package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// NodeKey names a machine of a cluster.
type NodeKey struct {
	Account string `json:"account"`
	Region  string `json:"region"`
	Cluster string `json:"cluster"`
	Name    string `json:"name"`
}

// Node is a machine of a cluster, and what is known of its sensor. Times are of
// the wall clock; zero where nothing happened yet.
type Node struct {
	NodeKey
	Sensor  string `json:"sensor,omitempty"` // vedette, falco, …
	Version string `json:"version,omitempty"`
	Kernel  string `json:"kernel,omitempty"`
	Session string `json:"session,omitempty"` // of the sensor's present run
	// Missing are what the sensor cannot see there.
	Missing []string `json:"missing,omitempty"`

	Since   time.Time `json:"since,omitzero"`   // it is known
	Heard   time.Time `json:"heard,omitzero"`   // of the sensor, last
	Ended   time.Time `json:"ended,omitzero"`   // the sensor said that it stops
	Audited time.Time `json:"audited,omitzero"` // of the node in the audit log, last
	Removed time.Time `json:"removed,omitzero"` // it was taken out of the cluster

	// Gap and Lost are records that were lost, since the node is known, and
	// LossAt when that was noticed last.
	Gap    int64     `json:"gap,omitempty"`
	Lost   int64     `json:"lost,omitempty"`
	LossAt time.Time `json:"lossAt,omitzero"`
}

func (n *Node) seen() time.Time {
	t := n.Heard
	for _, u := range []time.Time{n.Audited, n.Ended, n.Removed} {
		if u.After(t) {
			t = u
		}
	}
	return t
}

const (
	putNode = `INSERT INTO node (account, region, cluster, name, seen, data) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (account, region, cluster, name) DO UPDATE SET seen = excluded.seen, data = excluded.data`
	selectNode  = `SELECT data FROM node WHERE account = ? AND region = ? AND cluster = ? AND name = ?`
	selectNodes = `SELECT data FROM node WHERE seen >= ? ORDER BY account, region, cluster, name`
)

// PutNode stores what is known of a node.
func (tx *Tx) PutNode(n *Node) error {
	data, err := json.Marshal(n)
	if err == nil {
		err = tx.do(putNode, n.Account, n.Region, n.Cluster, n.Name, n.seen().UnixNano(), string(data))
	}
	if err != nil {
		return fmt.Errorf("store node %q: %w", n.Name, err)
	}
	return nil
}

// Node returns what is known of a node; finding.ErrNotFound if that is nothing.
func (tx *Tx) Node(k NodeKey) (Node, error) {
	var data string
	err := notFound(tx.queryRow(selectNode, k.Account, k.Region, k.Cluster, k.Name).Scan(&data))
	if err != nil {
		return Node{}, fmt.Errorf("read node %q: %w", k.Name, err)
	}
	return readNode(data)
}

func readNode(data string) (n Node, err error) {
	if err := json.Unmarshal([]byte(data), &n); err != nil {
		return Node{}, fmt.Errorf("read a node: %w", err)
	}
	return n, nil
}

// Nodes returns the nodes of which something was heard since a moment, in order
// of their keys.
func (s *Store) Nodes(ctx context.Context, since time.Time) ([]Node, error) {
	rows, err := s.query(ctx, selectNodes, since.UnixNano())
	if err != nil {
		return nil, fmt.Errorf("read nodes: %w", err)
	}
	defer rows.Close()
	var out []Node
	for rows.Next() {
		var data string
		if err := rows.Scan(&data); err != nil {
			return nil, fmt.Errorf("read nodes: %w", err)
		}
		n, err := readNode(data)
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read nodes: %w", err)
	}
	return out, nil
}

// PruneNodes forgets nodes of which nothing was heard since a moment.
func (s *Store) PruneNodes(ctx context.Context, before time.Time) error {
	err := s.Commit(ctx, func(tx *Tx) error { return tx.do(`DELETE FROM node WHERE seen < ?`, before.UnixNano()) })
	if err != nil {
		return fmt.Errorf("prune nodes: %w", err)
	}
	return nil
}
