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

// showForm renders a page with a form, again where something was wrong with it.
func (s *server) showForm(w http.ResponseWriter, r *http.Request, v *visit, name, here, title, problem string, data any) error {
	status := http.StatusOK
	if problem != "" {
		status = http.StatusBadRequest
	}
	s.render(w, r, status, name, view{Title: title, Here: here, Visit: v, Data: data})
	return nil
}

// detectorForm reads what a change of something of a detector needs: the form
// and the detector. refusal says why the visitor may not; nil lets him.
func (s *server) detectorForm(w http.ResponseWriter, r *http.Request, v *visit, refusal error) (f url.Values, detector string, err error) {
	if refusal != nil {
		return nil, "", refusal
	}
	if f, err = form(w, r); err != nil {
		return nil, "", err
	}
	detector, err = s.detector(v)
	return f, detector, err
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

// overTLS says whether the browser reached this server by TLS, here or at a proxy.
func overTLS(r *http.Request) bool {
	return r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"
}

// origin is how the browser reached this server. Nothing is trusted for it: an
// identity provider sends nobody to an address that it was not told of.
func origin(r *http.Request) string {
	if overTLS(r) {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
