package main

import (
	"encoding/base64"
	"errors"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/app"
)

func kubeCA(s streams) *cobra.Command {
	var data dataFlags
	cmd := &cobra.Command{
		Use:   "ca",
		Short: "Print the authority of the server's certificate",
		Long: `Prints, in PEM, who signs the certificate of the server: the authority that
the server makes by itself (server.tls.auto), or the one in server.tls.caFile.
Clients that are given it trust the server, also when its certificate is renewed.
There is no secret in it.`,
		Example: `  vedette kube ca --config vedette.yaml > vedette-ca.crt
  AWS_CA_BUNDLE=vedette-ca.crt aws guardduty list-detectors --endpoint-url https://vedette.internal:8700`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := data.existing()
			if err != nil {
				return err
			}
			pem, err := app.Authority(cmd.Context(), cfg, time.Now)
			if err != nil {
				return err
			}
			_, err = s.out.Write(pem)
			return err
		},
	}
	data.register(cmd)
	return cmd
}

// authorityFor is whom the clients of a server are told to trust, in base64:
// what --ca names or, where that is not given, the authority that the server
// makes by itself; "" leaves it to them.
func authorityFor(cmd *cobra.Command, data *dataFlags, ca string, server *url.URL) (string, error) {
	if cmd.Flags().Changed("ca") || server.Scheme != "https" {
		return authorities(ca)
	}
	cfg, err := data.load()
	if err != nil {
		return "", err
	}
	pem, err := app.Authority(cmd.Context(), cfg, time.Now)
	if errors.Is(err, app.ErrNoAuthority) {
		return "", nil
	}
	return base64.StdEncoding.EncodeToString(pem), err
}
