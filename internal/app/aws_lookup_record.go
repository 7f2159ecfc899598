package app

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"github.com/vedette-project/vedette/internal/detect"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
)

// lookupStream is where records of lookups come from, in place of a log.
const lookupStream = "ec2-lookup"

// lookupRecord is an answer of EC2 on its way to detection.
type lookupRecord struct {
	machine
	findings []string // those that show no details of the machine
	at       time.Time
	instance *ec2Instance
	iface    *ec2Interface
}

// lookupEvent has the form of a CloudTrail event of a call of AWS's own, which
// no detector looks at.
type lookupEvent struct {
	EventVersion string         `json:"eventVersion"`
	UserIdentity lookupIdentity `json:"userIdentity"`
	EventTime    string         `json:"eventTime"`
	EventSource  string         `json:"eventSource"`
	EventName    string         `json:"eventName"`
	Region       string         `json:"awsRegion"`
	SourceIP     string         `json:"sourceIPAddress"`
	Request      lookupRequest  `json:"requestParameters"`
	Response     map[string]any `json:"responseElements"`
	EventID      string         `json:"eventID"`
	ReadOnly     bool           `json:"readOnly"`
	EventType    string         `json:"eventType"`
	Management   bool           `json:"managementEvent"`
	Recipient    string         `json:"recipientAccountId"`
	Category     string         `json:"eventCategory"`
}

type lookupIdentity struct {
	Type      string `json:"type"`
	InvokedBy string `json:"invokedBy"`
}

type lookupRequest struct {
	Findings []string `json:"findings"`
}

// encode writes the record. Its time is that of the event that a finding tells
// of, so that it makes nothing late; two answers of one text are one record.
func (r *lookupRecord) encode() ([]byte, error) {
	e := lookupEvent{
		EventVersion: "1.11", UserIdentity: lookupIdentity{"AWSService", "vedette"}, EventTime: r.at.UTC().Format(time.RFC3339),
		EventSource: "ec2.amazonaws.com", EventName: "DescribeInstances", Region: r.region, SourceIP: "AWS Internal",
		Request: lookupRequest{r.findings}, Response: map[string]any{}, ReadOnly: true, EventType: detect.LookupEvent, Management: true,
		Recipient: r.account, Category: "Management",
	}
	if r.iface != nil {
		e.EventName = "DescribeNetworkInterfaces"
		e.Response["networkInterfaceSet"] = ec2Set[ec2Interface]{[]ec2Interface{*r.iface}}
	} else {
		e.Response["instancesSet"] = ec2Set[ec2Instance]{[]ec2Instance{*r.instance}}
	}
	b, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(b)
	e.EventID = "lookup-" + hex.EncodeToString(sum[:16])
	return json.Marshal(e)
}

// completeFindings shows what lookups learned in the findings that wanted it.
// Later signals have it from detection.
func completeFindings(in findings, b *event.Batch) error {
	for i := range b.Events {
		t := b.Events[i].Trail
		if t == nil {
			continue
		}
		for _, d := range detect.Described(t) {
			for _, identity := range t.RequestNode().Strings("findings") {
				if err := complete(in, identity, d); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func complete(in findings, identity string, d *finding.InstanceDetails) error {
	r, err := in.Finding(identity)
	if errors.Is(err, finding.ErrNotFound) { // it was old
		return nil
	}
	if err != nil {
		return err
	}
	res := r.Finding.Resource
	if known := res.InstanceDetails; known != nil && known.ImageID != "" {
		return nil
	}
	with := *res
	with.InstanceDetails = d
	r.Finding.Resource = &with
	return in.PutFinding(r)
}
