package api

import (
	"errors"
	"net/url"
	"path"
	"regexp"
	"strings"
)

// Location is where the file of a list lies: an object of S3, a URL, or a file
// of the machine that reads it. Exactly one of Bucket, URL and Path is set.
type Location struct {
	Bucket, Key string
	Region      string // of the bucket, if the location says
	URL         string
	Path        string
}

// Hosts of S3's own URLs, with the bucket in the path or before the host; a
// bucket's name may have dots.
var (
	s3Host       = regexp.MustCompile(`^s3(?:[.-](?:dualstack\.)?([a-z]{2}(?:-[a-z]+)+-[0-9]+))?\.amazonaws\.com(?:\.cn)?$`)
	s3BucketHost = regexp.MustCompile(`^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\.s3(?:[.-](?:dualstack\.)?([a-z]{2}(?:-[a-z]+)+-[0-9]+))?\.amazonaws\.com(?:\.cn)?$`)
	s3Bucket     = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]{1,61}[a-zA-Z0-9]$`)
)

// ParseLocation reads the location of a list: s3://bucket/key, S3's https and
// http URLs, any other https URL, and file:///path. The error is the rest of a
// sentence that begins with what the location is called.
func ParseLocation(text string) (Location, error) {
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return Location{}, errors.New("has control characters")
	}
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return Location{}, errLocation()
	}
	if strings.EqualFold(scheme, "s3") { // the key is what follows, as it is
		bucket, key, _ := strings.Cut(rest, "/")
		return s3Location(bucket, key, "")
	}
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Fragment != "" {
		return Location{}, errLocation()
	}
	switch u.Scheme {
	case "file":
		return fileLocation(u)
	case "http", "https":
		return webLocation(u)
	}
	return Location{}, errLocation()
}

func errLocation() error {
	return errors.New("must be s3://bucket/key, an https URL such as https://s3.amazonaws.com/bucket/key, or file:///path")
}

func s3Location(bucket, key, region string) (Location, error) {
	if !s3Bucket.MatchString(bucket) || key == "" {
		return Location{}, errors.New("must name a bucket and a key, such as s3://bucket/key")
	}
	return Location{Bucket: bucket, Key: key, Region: region}, nil
}

func fileLocation(u *url.URL) (Location, error) {
	if u.Host != "" && u.Host != "localhost" || u.RawQuery != "" || path.Clean(u.Path) != u.Path || u.Path == "/" {
		return Location{}, errors.New("must name a file by its whole path, such as file:///etc/vedette/lists/bad.txt")
	}
	return Location{Path: u.Path}, nil
}

// webLocation tells S3's URLs from others. With a query, which a presigned one
// has, a URL is read as it is.
func webLocation(u *url.URL) (Location, error) {
	if u.User != nil {
		return Location{}, errors.New("must not hold credentials")
	}
	if u.Hostname() == "" {
		return Location{}, errLocation()
	}
	host := strings.ToLower(u.Hostname())
	if u.RawQuery == "" && u.Port() == "" {
		if m := s3Host.FindStringSubmatch(host); m != nil {
			bucket, key, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
			return s3Location(bucket, key, m[1])
		}
		if m := s3BucketHost.FindStringSubmatch(host); m != nil {
			return s3Location(m[1], strings.TrimPrefix(u.Path, "/"), m[2])
		}
	}
	if u.Scheme != "https" {
		return Location{}, errors.New("must be read by https: on its way by http anybody could change the list")
	}
	return Location{URL: u.String()}, nil
}
