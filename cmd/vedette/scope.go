package main

import (
	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/config"
)

// scopeFlags are the flags that say what the records belong to; they win over
// the configuration file.
type scopeFlags struct {
	file, account, region, cluster string
}

func (f *scopeFlags) register(cmd *cobra.Command, cluster bool) {
	fl := cmd.Flags()
	configFlag(fl, &f.file, "")
	fl.StringVar(&f.account, "account", "", "AWS account of the records and findings (12 digits; default 000000000000)")
	fl.StringVar(&f.region, "region", "", "AWS Region of the records and findings (default us-east-1)")
	if cluster {
		fl.StringVar(&f.cluster, "cluster", "", `cluster of records that do not name theirs (default "kubernetes")`)
	}
}

func (f *scopeFlags) load() (*config.Config, error) {
	return config.Load(f.file, func(c *config.Config) {
		set(&c.Account, f.account)
		set(&c.Region, f.region)
		set(&c.Cluster, f.cluster)
	})
}

func set(dst *string, v string) {
	if v != "" {
		*dst = v
	}
}
