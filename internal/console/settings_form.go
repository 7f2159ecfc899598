package console

import (
	"cmp"
	"errors"
	"net"
	"net/http"
	"net/url"
)

// maxForm bounds what a form may send, in bytes.
const maxForm = 256 << 10

// form reads a form that was sent.
func form(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return nil, &callError{Status: http.StatusBadRequest, Code: "BadRequestException", Message: "The form could not be read."}
	}
	return r.PostForm, nil
}

// problemOf is what a person is told who filled in a form; "" when it is not
// the form's fault.
func problemOf(err error) string {
	var refusal *callError
	if errors.As(err, &refusal) && refusal.Status >= 400 && refusal.Status < 500 && refusal.Status != http.StatusForbidden {
		return cmp.Or(refusal.Message, refusal.Code)
	}
	return ""
}

func notAllowed(why string) error {
	return &callError{Status: http.StatusForbidden, Code: "AccessDeniedException", Message: why}
}

// hostOf is an address without its port.
func hostOf(addr string) string {
	if host, _, err := net.SplitHostPort(addr); err == nil {
		return host
	}
	return addr
}
