package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/store"
)

// dataFlags are the flags of commands that work on the data directory.
type dataFlags struct{ file, dataDir string }

func (f *dataFlags) register(cmd *cobra.Command) {
	fl := cmd.PersistentFlags()
	configFlag(fl, &f.file, "")
	fl.StringVar(&f.dataDir, "data-dir", "", `folder of the findings and keys (default "vedette-data")`)
}

func (f *dataFlags) load() (*config.Config, error) {
	return config.Load(f.file, func(c *config.Config) { set(&c.Store.DataDir, f.dataDir) })
}

// existing is load for commands that must not make the data directory: a wrong
// path would otherwise look like a server that has nothing.
func (f *dataFlags) existing() (*config.Config, error) {
	cfg, err := f.load()
	if err != nil {
		return nil, err
	}
	if cfg.Store.Postgres.URL != "" {
		return cfg, nil
	}
	if _, err := os.Stat(app.StoreFile(cfg.Store.DataDir)); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no store in %s; name the server's folder with --data-dir", cfg.Store.DataDir)
	}
	return cfg, nil
}

func keysCommand(s streams) *cobra.Command {
	var data dataFlags
	cmd := &cobra.Command{Use: "keys", Short: "Make, list and revoke access keys, and links that let people log in"}
	data.register(cmd)
	return group(cmd, keysCreate(s, &data), keysLink(s, &data), keysList(s, &data), keysRevoke(s, &data))
}

func keysCreate(s streams, data *dataFlags) *cobra.Command {
	var role, account, output, comment string
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Make an access key and print it, once",
		Long: `Makes an access key. It works at once, also beside a running server. The
secret is printed now and never again.

Roles: admin (everything), analyst (read, archive, filters, samples),
read-only, ingest (push records only).

A key acts for the server's own account, the administrator, which sees the
findings of every account. With --account it acts for another one: it sees that
account's findings and coverage, and may change nothing that is the administrator's.`,
		Example: `  eval "$(vedette keys create --role read-only -o env)"
  aws guardduty list-detectors --endpoint-url http://127.0.0.1:8700`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if role == "" {
				return errors.New("--role is missing: say what the key may do, admin, analyst, read-only or ingest")
			}
			r, err := access.ParseRole(role)
			if err != nil {
				return fmt.Errorf("--role: %w", err)
			}
			if output != "env" {
				if _, err := printerFor(output, s); err != nil {
					return fmt.Errorf("%w, or env", err)
				}
			}
			return withKeys(cmd.Context(), data.load, func(keys *app.Keys, cfg *config.Config) error {
				own, region := keys.Served(cmd.Context(), cfg.Account, cfg.Region)
				if account == own {
					account = ""
				}
				k, err := keys.CreateFor(cmd.Context(), r, account, comment)
				if err != nil {
					return fmt.Errorf("make a key: %w", err)
				}
				return printKey(s, output, k, region)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&role, "role", "", "what the key may do: admin, analyst, read-only, ingest")
	f.StringVar(&account, "account", "", "the AWS account that the key acts for (12 digits; default the server's own)")
	f.StringVarP(&output, "output", "o", "table", "how to print: table, json, yaml, or env for a shell")
	f.StringVar(&comment, "comment", "", "who or what the key is for")
	return cmd
}

func printKey(s streams, output string, k access.Key, region string) error {
	switch output {
	case "env":
		_, err := fmt.Fprint(s.out, app.Env(k, region))
		return err
	case "table":
		tw := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
		fmt.Fprintf(tw, "Access key ID\t%s\nSecret access key\t%s\nRole\t%s\nRegion\t%s\n", k.ID, k.Secret, k.Role, region)
		if k.Account != "" {
			fmt.Fprintf(tw, "Account\t%s\n", k.Account)
		}
		if k.Role.May(access.RightPush) {
			fmt.Fprintf(tw, "Token for pushes\t%s\n", k.Token())
		}
		return tw.Flush()
	}
	p := printer{format: output, w: s.out}
	out := map[string]string{"accessKeyId": k.ID, "secretAccessKey": k.Secret, "role": string(k.Role), "region": region, "token": k.Token()}
	if k.Account != "" {
		out["account"] = k.Account
	}
	return p.value(out)
}

// keyRow is a key as it is listed: without its secret.
type keyRow struct {
	ID      string     `json:"accessKeyId"`
	Role    string     `json:"role"`
	Created time.Time  `json:"createdAt"`
	Revoked *time.Time `json:"revokedAt,omitempty"`
	Comment string     `json:"comment,omitempty"`
	Account string     `json:"account,omitempty"` // none: the server's own
}

func keysList(s streams, data *dataFlags) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "list", Short: "List the access keys, without their secrets", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := printerFor(output, s)
			if err != nil {
				return err
			}
			return withKeys(cmd.Context(), data.existing, func(keys *app.Keys, _ *config.Config) error {
				list, err := keys.List(cmd.Context())
				if err != nil {
					return err
				}
				return p.keys(list)
			})
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

func (p *printer) keys(list []store.Key) error {
	rows := make([]keyRow, 0, len(list))
	for _, k := range list {
		r := keyRow{ID: k.ID, Role: k.Role, Created: k.CreatedAt.UTC(), Comment: k.Comment, Account: k.Account}
		if !k.RevokedAt.IsZero() {
			t := k.RevokedAt.UTC()
			r.Revoked = &t
		}
		rows = append(rows, r)
	}
	if p.format != "table" {
		return p.value(rows)
	}
	// Who has one account only need not see it named.
	several := slices.ContainsFunc(rows, func(r keyRow) bool { return r.Account != "" })
	head, of := "", func(keyRow) string { return "" }
	if several {
		head, of = "ACCOUNT\t", func(r keyRow) string { return cmp.Or(r.Account, "own") + "\t" }
	}
	tw := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "ACCESS KEY ID\tROLE\t"+head+"CREATED\tSTATE\tCOMMENT")
	for _, r := range rows {
		state := "in force"
		if r.Revoked != nil {
			state = "revoked " + r.Revoked.Format(time.DateTime)
		}
		fmt.Fprintf(tw, "%s\t%s\t%s%s\t%s\t%s\n", r.ID, r.Role, of(r), r.Created.Format(time.DateTime), state, printable(r.Comment))
	}
	return tw.Flush()
}

func keysRevoke(s streams, data *dataFlags) *cobra.Command {
	return &cobra.Command{
		Use: "revoke ACCESS_KEY_ID", Short: "End an access key at once", Args: oneArg("access key id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withKeys(cmd.Context(), data.existing, func(keys *app.Keys, _ *config.Config) error {
				if err := keys.Revoke(cmd.Context(), args[0]); err != nil {
					return err
				}
				fmt.Fprintln(s.err, "revoked", args[0])
				return nil
			})
		},
	}
}

// withKeys opens the keys of the data directory that load names.
func withKeys(ctx context.Context, load func() (*config.Config, error), use func(*app.Keys, *config.Config) error) error {
	cfg, err := load()
	if err != nil {
		return err
	}
	keys, err := app.OpenKeys(ctx, cfg, time.Now)
	if err != nil {
		return err
	}
	defer keys.Close()
	return use(keys, cfg)
}
