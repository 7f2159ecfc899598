package access

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// canonicalRequest is the text that a SigV4 signature covers. payloadHash is
// the hex SHA-256 of the body.
func canonicalRequest(r *http.Request, signedHeaders []string, payloadHash string) (string, *Error) {
	rawPath, rawQuery := target(r)
	query, err := canonicalQuery(rawQuery)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(r.Method + "\n" + canonicalPath(rawPath) + "\n" + query + "\n")
	for _, name := range signedHeaders {
		value, err := canonicalHeader(r, name)
		if err != nil {
			return "", err
		}
		b.WriteString(name + ":" + value + "\n")
	}
	b.WriteString("\n" + strings.Join(signedHeaders, ";") + "\n" + payloadHash)
	return b.String(), nil
}

// target is the path and the query as they came over the wire. The parsed
// URL will not do: it has decoded what the client signed encoded.
func target(r *http.Request) (path, query string) {
	raw := r.RequestURI
	if raw == "" {
		raw = r.URL.EscapedPath() + "?" + r.URL.RawQuery
	}
	if _, rest, ok := strings.Cut(raw, "://"); ok && !strings.HasPrefix(raw, "/") { // a request through a proxy names the host
		raw = rest[strings.IndexAny(rest+"/", "/?"):]
	}
	path, query, _ = strings.Cut(raw, "?")
	return path, query
}

// canonicalPath encodes the path as sent once more, as every service but S3
// has it: a client that sends %3A signs %253A.
func canonicalPath(raw string) string {
	if raw == "" {
		return "/"
	}
	return encode(raw, true)
}

// canonicalQuery decodes every name and value, encodes them in the one
// canonical way and sorts by the encoded form. A name may come several times,
// each with its value; a name without "=" has the empty value.
func canonicalQuery(raw string) (string, *Error) {
	if raw == "" {
		return "", nil
	}
	var pairs [][2]string
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		n, err1 := url.QueryUnescape(name)
		v, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil {
			return "", errInvalid("The query string is not well encoded.")
		}
		pairs = append(pairs, [2]string{encode(n, false), encode(v, false)})
	}
	slices.SortFunc(pairs, func(a, b [2]string) int {
		if c := strings.Compare(a[0], b[0]); c != 0 {
			return c
		}
		return strings.Compare(a[1], b[1])
	})
	var b strings.Builder
	for i, p := range pairs {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p[0] + "=" + p[1])
	}
	return b.String(), nil
}

// canonicalHeader is a header's values, trimmed, inner runs of spaces made
// one, joined by commas. The server has taken Host and Content-Length out of
// the header map, so these two come from the request.
func canonicalHeader(r *http.Request, name string) (string, *Error) {
	if name == "host" {
		return squeeze(r.Host), nil
	}
	values := r.Header.Values(name)
	if len(values) == 0 && name == "content-length" && r.ContentLength >= 0 {
		return strconv.FormatInt(r.ContentLength, 10), nil
	}
	if len(values) == 0 {
		return "", errInvalid("The signed header '" + clip(name) + "' is not in the request.")
	}
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = squeeze(v)
	}
	return strings.Join(out, ","), nil
}

// squeeze trims and makes every run of spaces one. Tabs inside stay: the SDKs keep them.
func squeeze(s string) string {
	s = strings.Trim(s, " \t")
	if !strings.Contains(s, "  ") {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if s[i] != ' ' || s[i-1] != ' ' { // s[0] is no space
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// encode is the URI encoding of SigV4: every byte but the unreserved ones of
// RFC 3986, hex in upper case. keepSlash leaves "/" as it is.
func encode(s string, keepSlash bool) string {
	const hexDigits = "0123456789ABCDEF"
	var b strings.Builder
	b.Grow(len(s))
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9',
			c == '-', c == '_', c == '.', c == '~', keepSlash && c == '/':
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', hexDigits[c>>4], hexDigits[c&15]})
		}
	}
	return b.String()
}
