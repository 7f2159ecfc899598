package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/app"
)

// folder looks at the data directory: whether the server can write in it, and
// whether others can.
func (d *doctor) folder() {
	const name = "data directory"
	dir := d.cfg.Store.DataDir
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return // what needs one says so
	case err != nil:
		d.say(statusFault, name, "%v", err)
		return
	case !info.IsDir():
		d.say(statusFault, name, "%s is not a folder; name another in store.dataDir", dir)
		return
	}
	if err := writable(dir); err != nil {
		d.say(statusFault, name, "%s: this user (%s) may not write in it: %v; it belongs to %s: run doctor as the server's user, or give the folder to it", dir, whoWeAre(), err, ownerOf(info))
		return
	}
	if mode := info.Mode(); mode.Perm()&0o002 != 0 && mode&fs.ModeSticky == 0 && hasModes {
		d.say(statusFault, name, "%s has mode %04o: every user of this machine may put files there; run: chmod o-w %s", dir, mode.Perm(), dir)
		return
	}
	if other, file := d.foreigner(dir, info); file != "" {
		d.say(statusFault, name, "%s belongs to %s, and the folder to %s: the server cannot write to it if it runs as the folder's owner; run: chown --reference=%s %s/*", file, other, ownerOf(info), dir, dir)
		return
	}
	d.say(statusOK, name, "%s can be written by this user (%s)", dir, whoWeAre())
}

// foreigner finds a file of the store that has another owner than the folder,
// as a command makes it that root ran. A volume's root may be root's.
func (d *doctor) foreigner(dir string, info fs.FileInfo) (owner, file string) {
	if isRoots(info) {
		return "", ""
	}
	for _, name := range []string{"vedette.db", "vedette.db-wal", "vedette.db-shm", access.KeyFileName, "journal", "tls"} {
		path := filepath.Join(dir, name)
		if in, err := os.Lstat(path); err == nil && ownerOf(in) != ownerOf(info) {
			return ownerOf(in), path
		}
	}
	return "", ""
}

// secrets looks at the files that hold secrets: others must not read them.
func (d *doctor) secrets() {
	dir, good := d.cfg.Store.DataDir, 0
	own := []string{app.StoreFile(dir), filepath.Join(dir, app.CredentialsFile), app.AuthorityFile(dir)}
	for _, path := range own {
		info, err := os.Stat(path)
		if err != nil {
			continue // not there, or another check tells
		}
		if mode := info.Mode().Perm(); mode&0o007 != 0 && hasModes {
			d.say(statusFault, "file "+path, "it has mode %04o: every user of this machine may read what is secret in it; run: chmod 600 %s", mode, path)
			continue
		}
		good++
	}
	for _, f := range d.secretFiles() {
		info, err := os.Stat(f.path)
		switch {
		case err != nil:
			d.say(statusFault, f.key, "%v", err)
		case info.Mode().Perm()&0o007 != 0 && hasModes:
			d.say(statusNote, f.key, "%s has mode %04o: every user of this machine may read the secret in it; run: chmod o-rwx %[1]s, or set defaultMode: 0440 where Kubernetes mounts it", f.path, info.Mode().Perm())
		default:
			good++
		}
	}
	if good > 0 {
		d.say(statusOK, "secrets", "%s, for their owner or group only", count(good, "file"))
	}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// keyedFile is a file that a key of the configuration names.
type keyedFile struct{ key, path string }

// secretFiles are those of the configuration that hold a secret.
func (d *doctor) secretFiles() (out []keyedFile) {
	c := d.cfg
	add := func(key, path string) {
		if path != "" {
			out = append(out, keyedFile{key, path})
		}
	}
	add("server.tls.keyFile", c.Server.TLS.KeyFile)
	add("store.postgres.passwordFile", c.Store.Postgres.PasswordFile)
	n := &c.Journal.NATS
	add("journal.nats.keyFile", n.KeyFile)
	add("journal.nats.credentialsFile", n.CredentialsFile)
	add("journal.nats.passwordFile", n.PasswordFile)
	add("journal.nats.tokenFile", n.TokenFile)
	add("access.oidc.clientSecretFile", c.Access.OIDC.ClientSecretFile)
	for i := range c.Publish.Targets {
		t := &c.Publish.Targets[i]
		key := fmt.Sprintf("publish.targets[%d].", i)
		add(key+"urlFile", t.URLFile)
		add(key+"tokenFile", t.TokenFile)
		add(key+"keyFile", t.KeyFile)
		add(key+"signingKeyFile", t.SigningKeyFile)
	}
	return out
}
