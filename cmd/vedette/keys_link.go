package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/console"
)

func keysLink(s streams, data *dataFlags) *cobra.Command {
	var role, account, name, at string
	cmd := &cobra.Command{
		Use:   "link",
		Short: "Print a link that lets a person into the console, once",
		Long: `Prints a link to the console's login page. It works once and for an hour; the
login that it gives lasts 12 hours. The audit log names the person
as link:NAME.`,
		Example: `  vedette keys link
  vedette keys link --role analyst --name alice --url https://vedette.example.com`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := access.ParseRole(role)
			if err != nil {
				return fmt.Errorf("--role: %w", err)
			}
			if account != "" && !access.ValidAccount(account) {
				return fmt.Errorf("--account: %q is not one: it must have 12 digits", account)
			}
			if name = strings.TrimSpace(name); name == "" || len(name) > access.MaxName {
				return fmt.Errorf("--name must be the person's name, of at most %d characters", access.MaxName)
			}
			return withKeys(cmd.Context(), data.existing, func(keys *app.Keys, cfg *config.Config) error {
				if own, _ := keys.Served(cmd.Context(), cfg.Account, cfg.Region); account == own {
					account = ""
				}
				token, err := keys.Link(cmd.Context(), r, name, account)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintln(s.out, consoleAddress(at, cfg)+console.LinkPath(token))
				return err
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&role, "role", "admin", "what the person may do: admin, analyst or read-only")
	f.StringVar(&account, "account", "", "the AWS account that the person acts for (12 digits; default the server's own)")
	f.StringVar(&name, "name", "operator", "who the person is")
	f.StringVar(&at, "url", "", "address of the server as browsers reach it (default where the configuration says that it listens)")
	return cmd
}

// consoleAddress is how a browser reaches the server.
func consoleAddress(at string, cfg *config.Config) string {
	if at != "" {
		return strings.TrimSuffix(at, "/")
	}
	return app.BrowserAddress(cfg, cfg.Server.Listen)
}
