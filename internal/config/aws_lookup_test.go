package config

import (
	"strings"
	"testing"
)

func TestLookup(t *testing.T) {
	c, err := Parse([]byte(`
account: "111122223333"
region: eu-central-1
aws:
  lookup:
    accounts:
    - roleARN: arn:aws:iam::111122223333:role/reader
    - account: "444455556666"
      region: us-east-1
`))
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []struct {
		account, region string
		want            int // of the accounts, -1 for none
	}{{"111122223333", "eu-west-1", 0}, {"444455556666", "us-east-1", 1}, {"444455556666", "eu-west-1", -1}, {"777788889999", "us-east-1", -1}} {
		got := c.AWS.Lookup.For(k.account, k.region, c.Account)
		if (k.want < 0) != (got == nil) || k.want >= 0 && got != &c.AWS.Lookup.Accounts[k.want] {
			t.Errorf("%s in %s is asked as %+v", k.account, k.region, got)
		}
	}
	if c.AWS.Lookup.CallsPerMinute != 10 || len(Default().AWS.Lookup.Accounts) != 0 {
		t.Errorf("%+v, and by default %+v", c.AWS.Lookup, Default().AWS.Lookup)
	}
	for text, want := range map[string]string{
		`aws: {lookup: {accounts: [{account: "12"}]}}`:      `aws.lookup.accounts[0].account: "12" is not an AWS account id`,
		`aws: {lookup: {accounts: [{externalID: x}]}}`:      "aws.lookup.accounts[0].externalID: it goes with roleARN",
		`aws: {lookup: {accounts: [{pathStyle: true}]}}`:    "aws.lookup.accounts[0].pathStyle: it is for buckets",
		`aws: {lookup: {callsPerMinute: 0}}`:                "aws.lookup.callsPerMinute: 0 is not between 1 and 600",
		`aws: {lookup: {keep: 1s}}`:                         "aws.lookup.keep: 1s is below 1m",
		`aws: {lookup: {accounts: [{region: "the moon"}]}}`: "aws.lookup.accounts[0].region",
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
