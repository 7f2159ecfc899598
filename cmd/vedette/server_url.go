package main

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/vedette-project/vedette/internal/config"
)

// pushURL is the URL that --server names, to which records and a token may go.
func pushURL(server string) (*url.URL, error) {
	u, err := url.Parse(server)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("--server %q: use a URL such as https://vedette.internal:8700", server)
	case u.Scheme == "http" && !config.IsLoopback(hostPort(u)):
		return nil, errors.New("--server: plain http sends the token and the records in the clear; it is for loopback only, use https")
	}
	return u, nil
}

func hostPort(u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	return u.Host + ":80"
}
