package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/finding"
)

// The machine that the servers of these tests know.
const (
	knownInstance = "i-0a1b2c3d4e5f60718"
	knownENI      = "eni-0c1b2c3d4e5f60718"
)

// An answer to DescribeInstances as EC2's API reference shows it (API version 2016-11-15),
// shortened.
const knownMachine = `<?xml version="1.0" encoding="UTF-8"?>
<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
  <requestId>8f7724cf-496f-496e-8fe3-example</requestId>
  <reservationSet><item>
    <reservationId>r-1234567890abcdef0</reservationId><ownerId>111122223333</ownerId><groupSet/>
    <instancesSet><item>
      <instanceId>` + knownInstance + `</instanceId><imageId>ami-bff32ccc</imageId>
      <instanceState><code>16</code><name>running</name></instanceState>
      <privateDnsName>ip-10-0-0-5.eu-central-1.compute.internal</privateDnsName>
      <instanceType>t3.micro</instanceType><launchTime>2026-01-30T07:08:09.000Z</launchTime>
      <placement><availabilityZone>eu-central-1a</availabilityZone></placement>
      <iamInstanceProfile><arn>arn:aws:iam::111122223333:instance-profile/web</arn><id>AIPAEXAMPLE</id></iamInstanceProfile>
      <productCodes/>
      <tagSet><item><key>Name</key><value>web &lt;1&gt;</value></item></tagSet>
      <networkInterfaceSet><item>
        <networkInterfaceId>` + knownENI + `</networkInterfaceId><subnetId>subnet-be9b61d7</subnetId><vpcId>vpc-c00278a8</vpcId>
        <privateIpAddress>10.0.0.5</privateIpAddress>
        <groupSet><item><groupId>sg-e4076980</groupId><groupName>web</groupName></item></groupSet>
        <association><publicIp>203.0.113.5</publicIp><publicDnsName>ec2-203-0-113-5.example</publicDnsName></association>
        <privateIpAddressesSet><item><privateIpAddress>10.0.0.5</privateIpAddress><primary>true</primary></item></privateIpAddressesSet>
        <ipv6AddressesSet><item><ipv6Address>2001:db8::5</ipv6Address></item></ipv6AddressesSet>
      </item></networkInterfaceSet>
    </item></instancesSet>
  </item></reservationSet>
</DescribeInstancesResponse>`

const knownInterface = `<DescribeNetworkInterfacesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
  <networkInterfaceSet><item>
    <networkInterfaceId>` + knownENI + `</networkInterfaceId><subnetId>subnet-be9b61d7</subnetId><vpcId>vpc-c00278a8</vpcId>
    <description/><privateIpAddress>10.0.0.5</privateIpAddress><requesterManaged>false</requesterManaged><interfaceType>interface</interfaceType>
    <attachment><attachmentId>eni-attach-1</attachmentId><instanceId>` + knownInstance + `</instanceId><status>attached</status></attachment>
  </item></networkInterfaceSet>
</DescribeNetworkInterfacesResponse>`

// ec2World answers as EC2 does, and keeps what it was asked.
type ec2World struct {
	*httptest.Server
	mu     sync.Mutex
	asked  []string
	refuse bool
}

func newEC2World(t *testing.T) *ec2World {
	t.Helper()
	w := &ec2World{}
	w.Server = httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		var ids []string
		for i := 1; r.Form.Has(fmt.Sprintf("Filter.1.Value.%d", i)); i++ {
			ids = append(ids, r.Form.Get(fmt.Sprintf("Filter.1.Value.%d", i)))
		}
		slices.Sort(ids)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.asked = append(w.asked, r.Form.Get("Action")+" "+r.Form.Get("Filter.1.Name")+" "+strings.Join(ids, " "))
		signed := strings.Contains(r.Header.Get("Authorization"), "/eu-central-1/ec2/aws4_request")
		switch {
		case !signed || w.refuse || r.Method != http.MethodPost || r.Form.Get("Version") != "2016-11-15":
			out.WriteHeader(http.StatusForbidden)
			fmt.Fprint(out, "<Response><Errors><Error><Code>UnauthorizedOperation</Code></Error></Errors></Response>")
		case r.Form.Get("Action") == "DescribeInstances" && slices.Contains(ids, knownInstance):
			fmt.Fprint(out, knownMachine)
		case r.Form.Get("Action") == "DescribeNetworkInterfaces" && slices.Contains(ids, knownENI):
			fmt.Fprint(out, knownInterface)
		default:
			fmt.Fprintf(out, "<%sResponse/>", r.Form.Get("Action"))
		}
	}))
	t.Cleanup(w.Close)
	return w
}

func (w *ec2World) calls() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.asked)
}

// lookupApp is a server that asks an endpoint.
func lookupApp(t *testing.T, dir, endpoint string) *App {
	t.Helper()
	return startApp(t, dir, func(c *config.Config) {
		c.AWS.Lookup.Accounts = []config.LookupAccount{{Access: config.Access{Endpoint: endpoint}}}
		c.AWS.Lookup.CallsPerMinute = 600
	})
}

// badCall is a flow to a host on the test list.
func badCall(eni, from string, n int) string {
	at := begin.Add(time.Duration(n) * time.Second).Unix()
	return fmt.Sprintf("2 111122223333 %s %s 198.51.100.243 %d 443 6 12 1640 %d %d ACCEPT OK", eni, from, 40000+n, at, at+30)
}

func described(t *testing.T, a *App) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, f := range stored(t, a) {
		d := f.Resource.InstanceDetails
		out[d.NetworkInterfaces[0].NetworkInterfaceID] = strings.Join([]string{d.InstanceID, d.ImageID, d.InstanceType}, " ")
	}
	return out
}

// TestLookups: a finding of a machine of which the log names the interface alone
// gets what EC2 says of it, and so do later ones, after a restart without EC2; an
// interface that EC2 does not know is asked for once; nothing counts twice, and
// no source appears that nobody sends.
func TestLookups(t *testing.T) {
	t.Parallel()
	w, dir := newEC2World(t), t.TempDir()
	a := lookupApp(t, dir, w.URL)
	gone := "eni-0000000000000dead"
	pushFlows(t, a, badCall(knownENI, "10.0.0.5", 0), badCall(gone, "10.0.0.6", 1))
	until(t, "the instance was asked for", func() bool { return len(w.calls()) >= 2 })
	until(t, "the finding shows it", func() bool { return described(t, a)[knownENI] == knownInstance+" ami-bff32ccc t3.micro" })
	pushFlows(t, a, badCall(gone, "10.0.0.6", 2))
	want := []string{"DescribeNetworkInterfaces network-interface-id " + gone + " " + knownENI, "DescribeInstances instance-id " + knownInstance}
	if d := cmp.Diff(want, w.calls()); d != "" {
		t.Errorf("EC2 was asked (-want +got):\n%s", d)
	}
	fs := stored(t, a)
	i := slices.IndexFunc(fs, func(f *finding.Finding) bool { return f.Resource.InstanceDetails.InstanceID == knownInstance })
	got, err := json.Marshal(fs[i].Resource.InstanceDetails)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		`"key":"Name","value":"web \u003c1\u003e"`, "instance-profile/web", `"launchTime":"2026-01-30T07:08:09.000Z"`, "subnet-be9b61d7", "vpc-c00278a8", `"publicIp":"203.0.113.5"`,
		"2001:db8::5", `"groupName":"web"`, "eu-central-1a", "running", "ec2-203-0-113-5.example",
	} {
		if !strings.Contains(string(got), text) {
			t.Errorf("%s is not in %s", text, got)
		}
	}
	if fs[i].Service.Count != 1 {
		t.Errorf("it counts %d times", fs[i].Service.Count)
	}
	sources, err := a.keys.store.Sources(t.Context())
	if err != nil || len(sources) != 1 {
		t.Errorf("sources: %+v, %v", sources, err)
	}
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	b := startApp(t, dir, nil)
	pushFlows(t, b, badCall(knownENI, "10.0.0.5", 7200))
	found := 0
	for _, f := range stored(t, b) {
		if d := f.Resource.InstanceDetails; d.InstanceID == knownInstance && d.ImageID == "ami-bff32ccc" {
			found++
		}
	}
	if found != 2 { // that of the interface, and that of the instance
		t.Errorf("%d findings show the instance", found)
	}
}

// TestLookupRefused: that EC2 may not be asked is told with what to do, and asked
// again later; the finding is there all the same.
func TestLookupRefused(t *testing.T) {
	t.Parallel()
	w := newEC2World(t)
	w.refuse = true
	a := lookupApp(t, t.TempDir(), w.URL)
	pushFlows(t, a, badCall(knownENI, "10.0.0.5", 0))
	until(t, "EC2 was asked", func() bool { return len(w.calls()) > 0 })
	if got := described(t, a); len(got) != 1 {
		t.Errorf("%v", got)
	}
	c, err := a.lookups.caller(t.Context(), machine{"111122223333", "eu-central-1", knownENI})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.interfaces(t.Context(), []string{knownENI}); err == nil || !strings.Contains(err.Error(), "UnauthorizedOperation") || !strings.Contains(err.Error(), "allow ec2:DescribeNetworkInterfaces") {
		t.Errorf("%v", err)
	}
}

// TestLookupBudget: calls of an account are apart as the budget says, those of
// others are not kept waiting, and a hundred machines are one call.
func TestLookupBudget(t *testing.T) {
	now := begin
	a := &App{Options: Options{Config: config.Default(), Now: func() time.Time { return now }}}
	a.Config.AWS.Lookup.Accounts = []config.LookupAccount{{Account: "111122223333"}, {Account: "444455556666"}}
	l := newLookups(a)
	id := func(account string, n int) machine {
		return machine{account, "eu-central-1", fmt.Sprintf("i-%017x", n)}
	}
	var list []wanted
	for n := range 150 {
		list = append(list, wanted{id("111122223333", n), fmt.Sprint("finding ", n), now})
	}
	l.ask(list)
	l.ask([]wanted{{id("444455556666", 1), "x", now}, {machine{"111122223333", "eu-central-1", knownENI}, "y", now}})
	group, _ := l.take()
	if len(group) != 1 || group[0].id != knownENI {
		t.Fatalf("%v", group)
	}
	delete(l.waiting, group[0])
	if group, _ = l.take(); len(group) != lookupsAtOnce {
		t.Fatalf("%d at once", len(group))
	}
	for _, m := range group {
		delete(l.waiting, m)
		l.remember(m, now.Add(time.Hour), now)
	}
	l.next["111122223333"] = now.Add(6 * time.Second)
	if group, _ = l.take(); len(group) != 1 || group[0].account != "444455556666" {
		t.Fatalf("%v", group)
	}
	delete(l.waiting, group[0])
	if group, wait := l.take(); len(group) != 0 || wait != 6*time.Second {
		t.Fatalf("%v after %s", group, wait)
	}
	now = now.Add(6 * time.Second)
	if group, _ = l.take(); len(group) != 50 {
		t.Fatalf("%d are left", len(group))
	}
	l.ask(list) // those that were asked for are not asked for again
	if len(l.waiting) != 50 {
		t.Errorf("%d wait", len(l.waiting))
	}
	now = now.Add(time.Hour)
	l.ask(list)
	if len(l.waiting) != 150 {
		t.Errorf("an hour later %d wait", len(l.waiting))
	}
}

// TestLookupIDs: nothing goes into a filter but ids.
func TestLookupIDs(t *testing.T) {
	for id, want := range map[string]bool{"i-0a1b2c3d": true, knownInstance: true, "i-*": false, "i-0a1b2c3?": false, "": false, "0a1b2c3d": false, "i-0A1B2C3D": false} {
		if got := isResourceID(id, instancePrefix); got != want {
			t.Errorf("%q: %v", id, got)
		}
	}
}

func FuzzEC2Answer(f *testing.F) {
	f.Add([]byte(knownMachine))
	f.Add([]byte(knownInterface))
	f.Add([]byte("<a><reservationSet><item/></reservationSet><nextToken>x</nextToken></a>"))
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := parseEC2(body)
		if err != nil {
			return
		}
		for _, r := range a.Reservations.Items {
			for i := range r.Instances.Items {
				rec := lookupRecord{machine: machine{"111122223333", "eu-central-1", knownInstance}, at: begin, instance: &r.Instances.Items[i]}
				if _, err := rec.encode(); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}
