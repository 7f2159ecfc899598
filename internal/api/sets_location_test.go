package api_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/api"
)

func TestParseLocation(t *testing.T) {
	for text, want := range map[string]api.Location{
		"s3://bucket.name/file.txt":                                          {Bucket: "bucket.name", Key: "file.txt"},
		"s3://bucket/a/b%20c d?#.txt":                                        {Bucket: "bucket", Key: "a/b%20c d?#.txt"},
		"S3://bucket//x":                                                     {Bucket: "bucket", Key: "/x"},
		"https://s3.amazonaws.com/bucket.name/file.txt":                      {Bucket: "bucket.name", Key: "file.txt"},
		"https://s3-eu-west-1.amazonaws.com/bucket.name/file.txt":            {Bucket: "bucket.name", Key: "file.txt", Region: "eu-west-1"},
		"https://s3.eu-west-1.amazonaws.com/bucket/a/b.txt":                  {Bucket: "bucket", Key: "a/b.txt", Region: "eu-west-1"},
		"https://s3.dualstack.us-gov-west-1.amazonaws.com/bucket/k":          {Bucket: "bucket", Key: "k", Region: "us-gov-west-1"},
		"https://s3.cn-north-1.amazonaws.com.cn/bucket/k":                    {Bucket: "bucket", Key: "k", Region: "cn-north-1"},
		"http://bucket.s3.amazonaws.com/file.txt":                            {Bucket: "bucket", Key: "file.txt"},
		"http://bucket.s3-ap-southeast-2.amazonaws.com/file.txt":             {Bucket: "bucket", Key: "file.txt", Region: "ap-southeast-2"},
		"https://my.bucket.s3.eu-central-1.amazonaws.com/a%20b/%C3%BC.txt":   {Bucket: "my.bucket", Key: "a b/ü.txt", Region: "eu-central-1"},
		"https://bucket.s3.amazonaws.com/k?X-Amz-Signature=1":                {URL: "https://bucket.s3.amazonaws.com/k?X-Amz-Signature=1"},
		"https://lists.example.org/bad.txt?token=1":                          {URL: "https://lists.example.org/bad.txt?token=1"},
		"https://s3.amazonaws.com.evil.example/bucket/k":                     {URL: "https://s3.amazonaws.com.evil.example/bucket/k"},
		"https://minio.internal:9000/bucket/k":                               {URL: "https://minio.internal:9000/bucket/k"},
		"file:///etc/vedette/lists/bad%20guys.txt":                           {Path: "/etc/vedette/lists/bad guys.txt"},
		"file://localhost/lists/bad.txt":                                     {Path: "/lists/bad.txt"},
		"https://s3.eu-west-1.amazonaws.com:443/bucket/k":                    {URL: "https://s3.eu-west-1.amazonaws.com:443/bucket/k"},
		"https://" + strings.Repeat("a", 63) + ".s3.amazonaws.com/k":         {Bucket: strings.Repeat("a", 63), Key: "k"},
		"https://bucket.s3.dualstack.eu-west-1.amazonaws.com/deep/er/k.json": {Bucket: "bucket", Key: "deep/er/k.json", Region: "eu-west-1"},
	} {
		if got, err := api.ParseLocation(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"":                             "must be s3://",
		"bad.txt":                      "must be s3://",
		"/etc/passwd":                  "must be s3://",
		"ftp://example.org/bad.txt":    "must be s3://",
		"https:///bad.txt":             "must be s3://",
		"https://example.org/a#b":      "must be s3://",
		"https://exa mple.org/a":       "must be s3://",
		"s3://bucket":                  "must name a bucket and a key",
		"s3://bucket/":                 "must name a bucket and a key",
		"s3://b/k":                     "must name a bucket and a key",
		"s3:///key":                    "must name a bucket and a key",
		"https://s3.amazonaws.com/k":   "must name a bucket and a key",
		"https://u:p@example.org/a":    "must not hold credentials",
		"http://example.org/bad.txt":   "must be read by https",
		"file://host/bad.txt":          "must name a file",
		"file:///lists/../etc/passwd":  "must name a file",
		"file:///lists/%2e%2e/a":       "must name a file",
		"file:///lists//a":             "must name a file",
		"file:///":                     "must name a file",
		"s3://bucket/a\nb":             "has control characters",
		"https://example.org/a\r\nX: ": "has control characters",
	} {
		if got, err := api.ParseLocation(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v; want %q", text, got, err, want)
		}
	}
}

// FuzzParseLocation: whatever a caller writes, what comes out is one kind of
// place, and one that may be read.
func FuzzParseLocation(f *testing.F) {
	for _, s := range []string{"s3://bucket/key", "https://s3.amazonaws.com/bucket/key", "http://bucket.s3-eu-west-1.amazonaws.com/k", "https://example.org:8443/a?b", "file:///a/b%2fc", "//", "s3:", "file:a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := api.ParseLocation(text)
		if err != nil {
			if l != (api.Location{}) {
				t.Errorf("%q: %+v and %v", text, l, err)
			}
			return
		}
		kinds := 0
		for _, s := range []string{l.Bucket, l.URL, l.Path} {
			if s != "" {
				kinds++
			}
		}
		if kinds != 1 || (l.Bucket != "") != (l.Key != "") {
			t.Errorf("%q: %+v", text, l)
		}
		if l.Path != "" && (!strings.HasPrefix(l.Path, "/") || strings.Contains(l.Path, "/../") || strings.HasSuffix(l.Path, "/..")) {
			t.Errorf("%q: path %q", text, l.Path)
		}
		if l.URL != "" {
			if u, err := url.Parse(l.URL); err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
				t.Errorf("%q: %q %v", text, l.URL, err)
			}
		}
	})
}
