package app

import (
	"cmp"
	"errors"
	"os"
	"strings"

	"github.com/vedette-project/vedette/internal/kube/incluster"
	"github.com/vedette-project/vedette/internal/publish"
	"github.com/vedette-project/vedette/internal/publish/target"
)

func (b *targetBuilder) kafka() (publish.Target, error) {
	t := b.t
	form, err := b.form()
	if err != nil {
		return nil, err
	}
	password, err := b.text("token", t.Token, t.TokenFile)
	if err != nil {
		return nil, err
	}
	conf, err := b.tls()
	if err != nil {
		return nil, err
	}
	if t.Protocol != "tls" {
		conf = nil
	}
	return &target.Kafka{Form: form, Brokers: t.Brokers, Topic: t.Topic, TLS: conf, Mechanism: t.Mechanism, User: t.User, Password: password}, nil
}

// kubernetes makes the targets that are API servers: that of the cluster that
// this runs in, or one that is named.
func (b *targetBuilder) kubernetes() (publish.Target, error) {
	t := b.t
	to, err := b.fill("url", t.URL)
	if err != nil {
		return nil, err
	}
	file := t.TokenFile
	if to == "" {
		own, ok := incluster.Find(os.Getenv)
		if !ok {
			return nil, errors.New("url: Vedette does not run in a cluster here; name the API server by url, tokenFile and caFile")
		}
		to = own.URL
		if t.Token == "" {
			file = cmp.Or(file, own.TokenFile)
		}
		if t.CAFile == "" {
			t := *b.t
			t.CAFile, b.t = own.CAFile, &t
		}
	}
	// A file is read for each call, since tokens are renewed; here to see that it
	// can be.
	token, err := b.text("token", t.Token, file)
	if err != nil {
		return nil, err
	}
	if file != "" {
		token = ""
	}
	conf, err := b.tls()
	if err != nil {
		return nil, err
	}
	k := target.Kube{
		Web: target.Web{Client: target.NewClient(conf), Secrets: b.secrets, Now: b.now}, URL: strings.TrimSuffix(to, "/"), Cluster: t.Cluster, Token: token, TokenFile: file,
	}
	if t.Type == "policyreport" {
		return &target.PolicyReport{Kube: k, API: cmp.Or(t.API, target.PolicyReportAPI)}, nil
	}
	return &target.KubeEvents{Kube: k}, nil
}
