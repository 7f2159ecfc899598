package decode

import (
	"bytes"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// azure holds the members of a resource log of Azure Monitor: as a diagnostic
// setting delivers it to an Event Hub or a storage account, and as a workspace
// of Log Analytics keeps it in the table AzureDiagnostics.
type azure struct {
	category   []byte
	resource   []byte // id of the resource
	properties []byte
	log        []byte // log_s of AzureDiagnostics
	time       []byte
	table      []byte // Type of a row of a table of its own
}

// member is where a member of a resource log goes, nil for others.
func (z *azure) member(key []byte) *[]byte {
	switch string(key) {
	case "category", "Category":
		return &z.category
	case "resourceId", "ResourceId", "_ResourceId":
		return &z.resource
	case "properties":
		return &z.properties
	case "log_s":
		return &z.log
	case "time", "TimeGenerated":
		return &z.time
	case "Type":
		return &z.table
	}
	return nil
}

// holds reports whether the members are those of a resource log.
func (z *azure) holds() bool {
	return z.category != nil && (z.resource != nil || z.log != nil)
}

// azureLog decodes the audit event in a resource log of AKS, which is there as
// the text that the API server wrote.
func (d *Decoder) azureLog(z *azure, at time.Time) error {
	category := unquote(z.category)
	if !strings.EqualFold(category, "kube-audit") && !strings.EqualFold(category, "kube-audit-admin") {
		return from(event.K8sAudit, dropped(event.ReasonOtherStream, "a log of Azure of category %q; kube-audit and kube-audit-admin are read", category))
	}
	line := z.log
	if line == nil {
		line = azureLine(z.properties)
	}
	if len(line) < 2 || line[0] != '"' && line[0] != '{' {
		return from(event.K8sAudit, malformed(event.ReasonBadField, "properties.log of a log of Azure is not the text of an audit event"))
	}
	if t, ok := d.times.parse([]byte(unquote(z.time))); ok {
		at = t
	}
	scope := d.scope
	defer func() { d.scope = scope }()
	d.scope = d.clusterScope(clusterOfResource(unquote(z.resource)))
	if line[0] == '{' {
		return d.inner(line, at)
	}
	b, err := (&jsonscan.Scanner{Data: line}).Bytes()
	if b = bytes.TrimSpace(b); err != nil || len(b) == 0 || b[0] != '{' {
		return from(event.K8sAudit, dropped(event.ReasonOtherStream, "a message of another log: %s", excerpt(b)))
	}
	d.values(b, true, at) // a column of a table, among others, keeps 32 KiB: what is cut is judged for the rest
	return nil
}

// azureLine is properties.log. Some exports keep the properties as a text.
func azureLine(properties []byte) []byte {
	if len(properties) == 0 {
		return nil
	}
	if properties[0] == '"' {
		s := jsonscan.Scanner{Data: properties}
		inside, err := s.Bytes()
		if err != nil {
			return nil
		}
		properties = inside
	}
	var line []byte
	s := jsonscan.Scanner{Data: properties}
	err := members(&s, "properties", func(key []byte) (err error) {
		v, err := s.Skip()
		if string(key) == "log" {
			line = v
		}
		return err
	})
	if err != nil {
		return nil
	}
	return line
}

// clusterOfResource is the name at the end of the id of a cluster,
// /subscriptions/ID/resourceGroups/GROUP/providers/Microsoft.ContainerService/managedClusters/NAME,
// which Azure writes in capitals in some places and not in others.
func clusterOfResource(id string) string {
	id = strings.ToLower(id)
	_, name, _ := strings.Cut(id, "/managedclusters/")
	if name == "" { // Arc
		_, name, _ = strings.Cut(id, "/connectedclusters/")
	}
	name, _, _ = strings.Cut(name, "/")
	return name
}
