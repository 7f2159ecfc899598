package feed

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/vedette-project/vedette/internal/intel/format"
)

const (
	taxiiType = "application/taxii+json;version=2.1"
	pageSize  = 1000
	maxPages  = 2000
	maxPage   = 32 << 20
)

// taxii reads what has been added to a collection since the last time, and
// joins it with what is there: newer objects take the place of older ones, and
// what was revoked goes.
func (u *Updater) taxii(ctx context.Context, s *Source, st *state, w *writer) (bool, error) {
	t := taxiiClient{u: u, s: s, left: s.MaxBytes}
	collection, err := t.collection(ctx)
	if err != nil {
		return false, err
	}
	entries, order, added := map[string]format.Entry{}, []string(nil), ""
	old := u.path(s.Name, goodSuffix)
	if st.HeldAside != nil {
		old = u.path(s.Name, heldSuffix)
	}
	take := func(e format.Entry) error {
		key := string(rune(e.Kind)) + e.Value
		if e.Revoked {
			delete(entries, key)
			return nil
		}
		if _, ok := entries[key]; !ok {
			order = append(order, key)
		}
		if entries[key] = e; len(entries) > s.MaxEntries {
			return fmt.Errorf("more than %d entries, the limit of this feed", s.MaxEntries)
		}
		return nil
	}
	if newest := st.newest(); newest != nil && newest.Added != "" {
		if _, err := readEntries(old, take); err != nil { // damaged: read it all again
			clear(entries)
			order = nil
		} else {
			added = newest.Added
		}
	}
	reached, fresh, err := t.objects(ctx, collection, added, take, w)
	if err != nil || !fresh && added != "" {
		return false, err
	}
	w.snap.Added = cmp.Or(reached, added)
	w.snap.Bytes = s.MaxBytes - t.left
	for _, key := range order {
		if e, ok := entries[key]; ok {
			delete(entries, key) // an entry that went and came again is in order twice
			if err := w.add(e); err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

type taxiiClient struct {
	u    *Updater
	s    *Source
	left int64 // bytes that may still come
}

// collection is the address of the source's collection.
func (t *taxiiClient) collection(ctx context.Context) (string, error) {
	if i := strings.Index(t.s.URL, "/collections/"); i >= 0 {
		id, _, _ := strings.Cut(t.s.URL[i+len("/collections/"):], "/")
		if id != "" {
			return t.s.URL[:i] + "/collections/" + id + "/", nil
		}
	}
	roots, err := t.roots(ctx)
	if err != nil {
		return "", err
	}
	var seen []string
	for _, root := range roots {
		var list struct {
			Collections []struct {
				ID, Title, Alias string
				CanRead          *bool `json:"can_read"`
			}
		}
		root = strings.TrimSuffix(root, "/") + "/"
		if err := t.read(ctx, root+"collections/", &list); err != nil {
			return "", err
		}
		for _, c := range list.Collections {
			if !slices.Contains([]string{c.ID, c.Title, c.Alias}, t.s.Collection) {
				seen = append(seen, fmt.Sprintf("%q (%s)", c.Title, c.ID))
				continue
			}
			if c.CanRead != nil && !*c.CanRead {
				return "", fmt.Errorf("the collection %q may not be read with this account", t.s.Collection)
			}
			return root + "collections/" + url.PathEscape(c.ID) + "/", nil
		}
	}
	if len(seen) > 20 {
		seen = append(seen[:20], "…")
	}
	return "", fmt.Errorf("there is no collection %q; there are: %s", t.s.Collection, strings.Join(seen, ", "))
}

// roots are the API roots of the server, the default one first; the source's
// address may itself be one.
func (t *taxiiClient) roots(ctx context.Context) ([]string, error) {
	var doc struct {
		Default  string   `json:"default"`
		Roots    []string `json:"api_roots"`
		Versions []string `json:"versions"`
	}
	if err := t.read(ctx, t.s.URL, &doc); err != nil {
		return nil, err
	}
	if len(doc.Versions) > 0 {
		return []string{t.s.URL}, nil
	}
	base, err := url.Parse(t.s.URL)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, r := range append([]string{doc.Default}, doc.Roots...) {
		at, err := base.Parse(r)
		if err != nil || r == "" {
			continue
		}
		if at.Scheme != base.Scheme || at.Host != base.Host {
			return nil, fmt.Errorf("its API root is at %s: set that as the url, so that credentials go nowhere unasked", at.Host)
		}
		if !slices.Contains(out, at.String()) {
			out = append(out, at.String())
		}
	}
	if len(out) == 0 {
		return nil, errors.New("the address is neither a TAXII 2.1 discovery nor an API root")
	}
	return out, nil
}

// objects reads the pages of a collection. It returns how far they reach, and
// whether there were any objects.
func (t *taxiiClient) objects(ctx context.Context, collection, added string, take func(format.Entry) error, w *writer) (reached string, fresh bool, err error) {
	o := t.s.parseOptions()
	o.Format, o.Revoked = format.STIX2, true
	next, after := "", added
	for range maxPages {
		q := url.Values{"limit": {strconv.Itoa(pageSize)}}
		if after != "" {
			q.Set("added_after", after)
		}
		if next != "" {
			q.Set("next", next)
		}
		p, err := t.page(ctx, collection+"objects/?"+q.Encode(), o, take, w)
		if err != nil {
			return "", false, err
		}
		fresh = fresh || p.objects
		last := p.header.Get("X-TAXII-Date-Added-Last")
		reached = cmp.Or(last, reached)
		switch {
		case !p.More:
			return reached, fresh, nil
		case p.Next != "" && p.Next == next, p.Next == "" && (last == "" || last == after):
			return "", false, errors.New("the server says that there is more, and gives the same page again")
		}
		if next = p.Next; next == "" {
			after = last
		}
	}
	return "", false, fmt.Errorf("more than %d pages", maxPages)
}

type taxiiPage struct {
	More    bool            `json:"more"`
	Next    string          `json:"next"`
	Objects json.RawMessage `json:"objects"`
	header  http.Header
	objects bool
}

func (t *taxiiClient) page(ctx context.Context, address string, o format.Options, take func(format.Entry) error, w *writer) (*taxiiPage, error) {
	a, err := t.u.get(ctx, t.s, address, taxiiType, conditions{}, min(t.left, maxPage))
	if err != nil {
		return nil, err
	}
	defer a.close()
	t.left -= a.bytes
	p := &taxiiPage{header: a.header}
	if err := json.NewDecoder(a.body).Decode(p); err != nil {
		return nil, fmt.Errorf("%s is no TAXII envelope: %w", shown(address), err)
	}
	if p.objects = len(p.Objects) > 2; !p.objects {
		return p, nil
	}
	if _, err := a.body.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	stats, err := format.Parse(a.body, o, take)
	w.stats(stats)
	return p, err
}

// read decodes a small document.
func (t *taxiiClient) read(ctx context.Context, address string, v any) error {
	a, err := t.u.get(ctx, t.s, address, taxiiType, conditions{}, 4<<20)
	if err != nil {
		return err
	}
	defer a.close()
	if err := json.NewDecoder(a.body).Decode(v); err != nil {
		return fmt.Errorf("%s is no TAXII document: %w", shown(address), err)
	}
	return nil
}
