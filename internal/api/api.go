package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path"
	"runtime/debug"
	"time"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/trace"
)

// Service is the name in the credential scope of every signed request.
const Service = "guardduty"

// maxBody bounds a request's body in bytes. The largest real one, criteria
// of 50 fields with 50 values each, stays well below.
const maxBody = 1 << 20

// Options is what the API needs. What has no comment on its absence is required.
type Options struct {
	Store Store
	Keys  access.Lookup // finds an access key by id; ErrNoKey when there is none
	// Token finds whose an ID token is that a person's script sends in the place
	// of a signature; nil takes none. A refusal is an *access.Error.
	Token   func(ctx context.Context, token string) (access.Key, error)
	Account string           // 12 digits: whose detector CreateDetector makes
	Region  string           // where that is; the credential scope must name it
	Now     func() time.Time // the clock, for signatures and for createdAt and updatedAt
	Logger  *slog.Logger
	// RequestsPerSecond bounds the calls of one key, with as many again at
	// once; 0 is no bound.
	RequestsPerSecond int
	// Prices are what a million records of a source (k8s-audit, cloudtrail, …)
	// cost, in USD. What is not there costs nothing.
	Prices map[string]float64
	Rules  Rules // in force; nil for none
	// Observe, if set, is told of each request: its operation, "" if it is none,
	// its status, and how long it took.
	Observe func(operation string, status int, took time.Duration)
	// Tracer follows requests; nil follows none.
	Tracer *trace.Tracer
}

// server answers requests. Its only state is how much each key asked lately.
type server struct {
	Options
	verify access.Verifier
	limit  *limiter
	mux    *http.ServeMux
}

// New makes the handler of the whole API, with authentication and
// authorization. Mount it at the root: the API has its paths there.
func New(o Options) http.Handler {
	s := &server{
		Options: o,
		verify:  access.Verifier{Service: Service, Region: o.Region, Now: o.Now, Lookup: o.Keys, Token: o.Token},
		limit:   newLimiter(o.RequestsPerSecond),
		mux:     http.NewServeMux(),
	}
	handlers := s.handlers()
	for _, op := range operations() {
		h := handlers[op.name]
		if h == nil {
			h = unsupported
		}
		s.mux.Handle(op.pattern(), &route{s, op, h})
	}
	s.mux.Handle("/", unknown{})
	return s
}

// ServeHTTP answers one request: read the body, check the signature, find the
// operation, check the role, run the handler, write the answer. Nothing is
// written before the handler has returned.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := requestID()
	w.Header().Set("X-Amzn-Requestid", id)
	c := &call{id: id, log: s.Logger.With("request_id", id)}
	start := s.Now()
	r, span := s.follow(r)
	err := s.serve(c, w, r)
	if err == nil {
		s.write(w, r, c)
	} else {
		s.writeError(w, r, c, err)
	}
	status := c.op.status
	if err != nil {
		status = publicError(err).status
	}
	endCall(span, c, status)
	if s.Observe != nil {
		s.Observe(c.op.name, status, s.Now().Sub(start))
	}
}

// serve runs one request up to its result in c. It turns a panic of a handler
// into an error, with the stack for the log.
func (s *server) serve(c *call, w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			panic(p)
		default:
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return errTooLarge()
	}
	if err != nil {
		return bad("The request is rejected because its body could not be read.")
	}
	if err := s.identify(c, w, r, body); err != nil {
		return err
	}
	c.account = cmp.Or(c.key.Account, s.Account)
	c.raw = body
	// The mux answers an unclean path with a redirect, for which a client
	// would need another signature. Here such a path is just unknown.
	if p := r.URL.EscapedPath(); p != path.Clean(p) {
		return errUnknownOperation()
	}
	s.mux.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callKey{}, c)))
	return c.err
}

// identify finds out whose request it is, and whether there were too many.
func (s *server) identify(c *call, w http.ResponseWriter, r *http.Request, body []byte) (err error) {
	k, vouched := r.Context().Value(vouchedKey{}).(access.Key)
	if c.key = k; !vouched {
		c.key, err = s.verify.Verify(r, body)
		if err != nil {
			return err
		}
	}
	c.log = c.log.With("key", c.key.ID, "role", string(c.key.Role))
	if vouched {
		return nil
	}
	if wait := s.limit.take(c.key.ID, s.Now()); wait > 0 {
		w.Header().Set("Retry-After", retryAfter(wait))
		return errTooMany()
	}
	return nil
}

// vouchedKey is where a context holds who a request of this process is for.
type vouchedKey struct{}

// As returns a context for requests that this process itself makes in the name
// of somebody whom it has identified. They need no signature; what the role of
// k may do, and what the audit log notes, is as for any other. Nothing that
// comes from outside can set it.
func As(ctx context.Context, k access.Key) context.Context {
	return context.WithValue(ctx, vouchedKey{}, k)
}

// handler answers one operation. The value is encoded as JSON; nil is an
// empty object, or nothing where the operation's status is 204. An *apiError
// is shown to the caller; any other error becomes a 500 and is only logged.
type handler func(ctx context.Context, c *call) (any, error)

// route is an operation and its handler. It leaves its result in the call,
// so that all answers are written in one place.
type route struct {
	server *server
	op     operation
	handle handler
}

func (rt *route) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	c := callOf(r)
	if r.Method != rt.op.method { // the mux takes HEAD for GET
		c.err = errUnknownOperation()
		return
	}
	c.op, c.r, c.query = rt.op, r, r.URL.Query()
	c.log = c.log.With("operation", rt.op.name)
	if c.body, c.err = parseBody(c.raw); c.err != nil {
		return
	}
	if c.err = rt.server.admit(r.Context(), c); c.err == nil {
		c.value, c.err = rt.server.run(r.Context(), c, rt.handle)
	}
}

// unknown answers what no operation has: a path, or a method on it.
type unknown struct{}

func (unknown) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	callOf(r).err = errUnknownOperation()
}

// unsupported answers the operations that are still to come.
func unsupported(_ context.Context, c *call) (any, error) {
	return nil, bad("The operation " + c.op.name + " is not supported yet by Vedette.")
}
