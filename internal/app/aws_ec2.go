package app

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// EC2 is asked in its query protocol: two read-only calls are no reason for its
// SDK, which is several times the size of this program.

// Bounds of an answer.
const (
	maxEC2Answer  = 16 << 20
	maxEC2Pages   = 5
	ec2Version    = "2016-11-15"
	ec2Timeout    = 30 * time.Second
	maxEC2Details = 200 // interfaces, tags, addresses of one machine
)

// ec2Set is a list as EC2 has it in XML, and CloudTrail in JSON.
type ec2Set[T any] struct {
	Items []T `xml:"item" json:"items"`
}

// ec2Instance is what is read of an instance, under the names of both.
type ec2Instance struct {
	ID      string `xml:"instanceId" json:"instanceId"`
	Image   string `xml:"imageId" json:"imageId"`
	Type    string `xml:"instanceType" json:"instanceType"`
	Started string `xml:"launchTime" json:"launchTime"`
	State   struct {
		Name string `xml:"name" json:"name"`
	} `xml:"instanceState" json:"instanceState"`
	Placement struct {
		Zone string `xml:"availabilityZone" json:"availabilityZone"`
	} `xml:"placement" json:"placement"`
	Platform string `xml:"platform" json:"platform,omitempty"`
	Outpost  string `xml:"outpostArn" json:"outpostArn,omitempty"`
	Profile  *struct {
		ARN string `xml:"arn" json:"arn"`
		ID  string `xml:"id" json:"id"`
	} `xml:"iamInstanceProfile" json:"iamInstanceProfile,omitempty"`
	Tags       ec2Set[ec2Tag]       `xml:"tagSet" json:"tagSet"`
	Products   ec2Set[ec2Product]   `xml:"productCodes" json:"productCodes"`
	Interfaces ec2Set[ec2Interface] `xml:"networkInterfaceSet" json:"networkInterfaceSet"`
}

type ec2Tag struct {
	Key   string `xml:"key" json:"key"`
	Value string `xml:"value" json:"value"`
}

type ec2Product struct {
	Code string `xml:"productCode" json:"productCode"`
	Type string `xml:"type" json:"type"`
}

// ec2Interface is what is read of a network interface.
type ec2Interface struct {
	ID          string `xml:"networkInterfaceId" json:"networkInterfaceId"`
	Subnet      string `xml:"subnetId" json:"subnetId"`
	VPC         string `xml:"vpcId" json:"vpcId"`
	Description string `xml:"description" json:"description,omitempty"`
	Type        string `xml:"interfaceType" json:"interfaceType,omitempty"`
	Managed     bool   `xml:"requesterManaged" json:"requesterManaged,omitempty"`
	Address     string `xml:"privateIpAddress" json:"privateIpAddress"`
	Name        string `xml:"privateDnsName" json:"privateDnsName,omitempty"`
	Attachment  struct {
		InstanceID string `xml:"instanceId" json:"instanceId,omitempty"`
	} `xml:"attachment" json:"attachment"`
	Public struct {
		Address string `xml:"publicIp" json:"publicIp,omitempty"`
		Name    string `xml:"publicDnsName" json:"publicDnsName,omitempty"`
	} `xml:"association" json:"association"`
	Addresses ec2Set[ec2Address] `xml:"privateIpAddressesSet" json:"privateIpAddressesSet"`
	IPv6      ec2Set[ec2IPv6]    `xml:"ipv6AddressesSet" json:"ipv6AddressesSet"`
	Groups    ec2Set[ec2Group]   `xml:"groupSet" json:"groupSet"`
}

type ec2Address struct {
	Address string `xml:"privateIpAddress" json:"privateIpAddress"`
	Name    string `xml:"privateDnsName" json:"privateDnsName,omitempty"`
}

type ec2IPv6 struct {
	Address string `xml:"ipv6Address" json:"ipv6Address"`
}

type ec2Group struct {
	ID   string `xml:"groupId" json:"groupId"`
	Name string `xml:"groupName" json:"groupName"`
}

// ec2Answer is the answer to either call.
type ec2Answer struct {
	Reservations ec2Set[struct {
		Instances ec2Set[ec2Instance] `xml:"instancesSet"`
	}] `xml:"reservationSet"`
	Interfaces ec2Set[ec2Interface] `xml:"networkInterfaceSet"`
	Next       string               `xml:"nextToken"`
}

func parseEC2(body []byte) (*ec2Answer, error) {
	a := &ec2Answer{}
	if err := xml.Unmarshal(body, a); err != nil {
		return nil, fmt.Errorf("read the answer of EC2: %w", err)
	}
	for _, r := range a.Reservations.Items {
		for i := range r.Instances.Items {
			r.Instances.Items[i].bound()
		}
	}
	for i := range a.Interfaces.Items {
		a.Interfaces.Items[i].bound()
	}
	return a, nil
}

// bound cuts lists that are longer than EC2 makes them.
func (i *ec2Instance) bound() {
	cut(&i.Tags.Items)
	cut(&i.Products.Items)
	cut(&i.Interfaces.Items)
	for k := range i.Interfaces.Items {
		i.Interfaces.Items[k].bound()
	}
}

func (n *ec2Interface) bound() {
	cut(&n.Addresses.Items)
	cut(&n.IPv6.Items)
	cut(&n.Groups.Items)
}

func cut[T any](list *[]T) { *list = (*list)[:min(len(*list), maxEC2Details)] }

// ec2Caller asks EC2 of one account and Region.
type ec2Caller struct {
	cfg      aws.Config
	region   string
	endpoint string
	now      func() time.Time
	signer   *v4.Signer
}

func (l *lookups) caller(ctx context.Context, m machine) (*ec2Caller, error) {
	key := m.account + "/" + m.region
	if c := l.callers[key]; c != nil {
		return c, nil
	}
	a := l.app.Config.AWS.Lookup.For(m.account, m.region, l.app.Config.Account)
	if a == nil {
		return nil, fmt.Errorf("account %s is not in aws.lookup.accounts", m.account)
	}
	cfg, err := awsConfig(ctx, &a.Access, m.region, a.RoleARN)
	if err != nil {
		return nil, err
	}
	end := "amazonaws.com"
	if strings.HasPrefix(m.region, "cn-") {
		end += ".cn"
	}
	c := &ec2Caller{cfg: cfg, region: m.region, now: l.app.Now, signer: v4.NewSigner(), endpoint: cmp.Or(a.Endpoint, "https://ec2."+m.region+"."+end+"/")}
	l.callers[key] = c
	return c, nil
}

// instances asks for instances. Those that EC2 does not know are left out.
func (c *ec2Caller) instances(ctx context.Context, ids []string) (out []ec2Instance, err error) {
	err = c.pages(ctx, "DescribeInstances", "instance-id", ids, func(a *ec2Answer) {
		for _, r := range a.Reservations.Items {
			out = append(out, r.Instances.Items...)
		}
	})
	return out, err
}

// interfaces asks for network interfaces.
func (c *ec2Caller) interfaces(ctx context.Context, ids []string) (out []ec2Interface, err error) {
	err = c.pages(ctx, "DescribeNetworkInterfaces", "network-interface-id", ids, func(a *ec2Answer) { out = append(out, a.Interfaces.Items...) })
	return out, err
}

// pages makes a call. By a filter, unlike by ids, it does not fail as a whole
// when one of them is gone.
func (c *ec2Caller) pages(ctx context.Context, action, filter string, ids []string, take func(*ec2Answer)) error {
	form := url.Values{"Action": {action}, "Version": {ec2Version}, "MaxResults": {"1000"}, "Filter.1.Name": {filter}}
	for i, id := range ids {
		form.Set("Filter.1.Value."+strconv.Itoa(i+1), id)
	}
	for range maxEC2Pages {
		body, err := c.call(ctx, []byte(form.Encode()))
		if err != nil {
			return fmt.Errorf("%s in %s: %w; allow ec2:%s to Vedette's role, or take the account out of aws.lookup.accounts", action, c.region, err, action)
		}
		a, err := parseEC2(body)
		if err != nil {
			return fmt.Errorf("%s in %s: %w", action, c.region, err)
		}
		take(a)
		if a.Next == "" {
			break
		}
		form.Set("NextToken", a.Next)
	}
	return nil
}

// call sends one request.
func (c *ec2Caller) call(ctx context.Context, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, ec2Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	creds, err := c.cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(body)
	if err := c.signer.SignHTTP(ctx, creds, req, hex.EncodeToString(sum[:]), "ec2", c.region, c.now()); err != nil {
		return nil, err
	}
	client := c.cfg.HTTPClient
	if client == nil {
		client = http.DefaultClient
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxEC2Answer))
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %.200s", res.StatusCode, answer)
	}
	return answer, err
}
