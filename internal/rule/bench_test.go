package rule

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// ruleOf makes rules like those that people write: most ask for a call by its
// name, some for a word in it or in a parameter, a few for a pattern.
func ruleOf(i int) string {
	b := &strings.Builder{}
	fmt.Fprintf(b, "title: Rule %d\nlogsource: {product: aws, service: cloudtrail}\ndetection:\n  selection:\n", i)
	switch i % 10 {
	case 0:
		fmt.Fprintf(b, "    eventSource: service%d.amazonaws.com\n    eventName|startswith: Delete%d\n", i%40, i)
	case 1:
		fmt.Fprintf(b, "    userAgent|contains: [tool%d, agent/%d]\n", i, i)
	case 2:
		fmt.Fprintf(b, "    eventName: [Put%d, Get%d]\n    requestParameters.bucketName|endswith: -%d\n", i, i, i)
	case 3:
		fmt.Fprintf(b, "    requestParameters.policyDocument|contains|all: ['Action%d', 'Resource']\n", i)
	case 4:
		fmt.Fprintf(b, "    eventName|re: '^(Create|Run)Thing%d$'\n", i)
	default: // now and then the name of a call that is often made
		name := fmt.Sprintf("Call%d", i%400)
		if common := []string{"RunInstances", "DescribeInstances", "PutObject", "AssumeRole", "CreateUser"}; i%97 < len(common) {
			name = common[i%97]
		}
		fmt.Fprintf(b, "    eventSource: ec2.amazonaws.com\n    eventName: [%s, Stop%d]\n    requestParameters.name%d|contains: x\n", name, i, i%7)
	}
	b.WriteString("  filter: {userIdentity.type: AWSService}\n  condition: selection and not filter\n")
	return b.String()
}

func benchRules(b *testing.B, n int) *Matcher {
	b.Helper()
	var files []File
	for i := range n {
		files = append(files, File{fmt.Sprintf("%d.yml", i), []byte(ruleOf(i))})
	}
	set, problems := Load(files)
	if len(problems) > 0 {
		b.Fatal(problems[0])
	}
	return NewMatcher(set)
}

// BenchmarkMatch is what the rules cost an event of CloudTrail.
func BenchmarkMatch(b *testing.B) {
	var log []string
	for i, name := range []string{"DescribeInstances", "PutObject", "AssumeRole", "GetObject", "ListBuckets", "Decrypt", "RunInstances", "CreateUser"} {
		log = append(log, fmt.Sprintf(`{"eventVersion":"1.11","eventID":"e%d","eventTime":"2026-03-04T05:06:07Z","eventSource":"ec2.amazonaws.com","eventName":%q,"awsRegion":"eu-west-1","recipientAccountId":"111122223333",`+
			`"sourceIPAddress":"198.51.100.7","userAgent":"aws-cli/2.15.0 Python/3.11.6 Linux/6.1 exe/x86_64.amzn.2023 prompt/off command/ec2.describe-instances",`+
			`"userIdentity":{"type":"AssumedRole","principalId":"AROAEXAMPLE:session","arn":"arn:aws:sts::111122223333:assumed-role/app/session","accountId":"111122223333","sessionContext":{"sessionIssuer":{"type":"Role","arn":"arn:aws:iam::111122223333:role/app"}}},`+
			`"requestParameters":{"bucketName":"logs-%d","name1":"none","policyDocument":"{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"*\"}]}","instancesSet":{"items":[{"instanceId":"i-0123456789"}]}},"responseElements":null,"readOnly":true}`, i, name, i))
	}
	events := eventsOf(b, strings.Join(log, "\n"))
	for _, n := range []int{57, 500, 3000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			m := benchRules(b, n)
			begin := time.Now() // as in a server, which measures what rules cost
			m.Measure(256, func() time.Duration { return time.Since(begin) })
			for i := range events {
				m.Match(&events[i])
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				m.Match(&events[i%len(events)])
				i++
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// TestNoAllocation: events that fulfil no rule cost no memory.
func TestNoAllocation(t *testing.T) {
	set := load(t, ruleOf(1), ruleOf(2), ruleOf(3), ruleOf(4), ruleOf(5), trailRule("k: [nothing of the kind]\ncondition: k"))
	m := NewMatcher(set)
	m.Measure(2, func() time.Duration { return 1 })
	ev := eventsOf(t, trailRecord(`"eventName":"RunInstances","userAgent":"Boto3","requestParameters":{"name5":"a","policyDocument":"{\"a\":\"B\"}"}`))
	m.Match(&ev[0])
	if n := testing.AllocsPerRun(100, func() { m.Match(&ev[0]) }); n > 0 {
		t.Errorf("%v allocations an event", n)
	}
}
