package target

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/vedette-project/vedette/internal/publish"
)

// AWS is a service of AWS that is called without its SDK: one call each is no
// reason for one.
type AWS struct {
	Web
	Config  aws.Config
	Service string // as signatures name it
	Region  string
	URL     string
}

// AWSURL is where a service is in a Region.
func AWSURL(service, region string) string {
	end := "amazonaws.com"
	if strings.HasPrefix(region, "cn-") {
		end += ".cn"
	}
	return "https://" + service + "." + region + "." + end
}

// call sends a signed request.
func (t *AWS) call(ctx context.Context, path string, header http.Header, body []byte) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(t.URL, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	creds, err := t.Config.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("there are no AWS credentials; give Vedette a role, a profile or AWS_ACCESS_KEY_ID: %w", err)
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, creds, req, hex.EncodeToString(sum[:]), t.Service, t.Region, t.Now()); err != nil {
		return nil, err
	}
	a, err := t.send(req)
	if err != nil {
		return nil, err
	}
	return a, t.judgeAWS(a)
}

// judgeAWS says what an answer means. AWS answers 400 to many things that are
// not the event's fault; the name of the error tells.
func (t *AWS) judgeAWS(a *answer) error {
	err := t.judge(a)
	if !refused(err) {
		return err
	}
	code := awsCode(a)
	if a.status != http.StatusRequestEntityTooLarge && !awsRefuses(code) {
		return errors.New(strings.TrimPrefix(err.Error(), "the target refused the event: ") + awsAdvice(code))
	}
	return err
}

// awsCode is the name of an error, from the header, JSON or XML.
func awsCode(a *answer) string {
	code := a.header.Get("X-Amzn-Errortype")
	if code == "" {
		var body struct {
			Type string `json:"__type"`
			Code string `json:"code"`
		}
		if json.Unmarshal(a.body, &body) == nil {
			code = body.Type + body.Code
		} else if _, rest, ok := bytes.Cut(a.body, []byte("<Code>")); ok {
			text, _, _ := bytes.Cut(rest, []byte("</Code>"))
			code = string(text)
		}
	}
	code, _, _ = strings.Cut(code, ":")
	return code[strings.LastIndexByte(code, '#')+1:]
}

// awsRefuses reports whether an error is about what was sent.
func awsRefuses(code string) bool {
	for _, s := range []string{"Validation", "InvalidParameter", "Serialization", "InvalidInput", "MalformedDetail", "InvalidArgument", "InvalidMessageContents", "BatchRequestTooLong", "RequestEntityTooLarge"} {
		if strings.HasPrefix(code, s) {
			return true
		}
	}
	return false
}

func awsAdvice(code string) string {
	switch {
	case strings.Contains(code, "AccessDenied") || strings.Contains(code, "NotAuthorized") || code == "AuthorizationError":
		return "; allow the call to Vedette's role"
	case strings.Contains(code, "ExpiredToken") || strings.Contains(code, "UnrecognizedClient") || strings.Contains(code, "InvalidClientTokenId"):
		return "; see where Vedette takes its credentials from"
	}
	return ""
}

// sized puts events into groups of at most so many and so many bytes. An event
// that is too large by itself is in none, and in the errors.
func sized(events []publish.Event, bodies [][]byte, each publish.Each, most, bytes int) (groups [][]int) {
	var group []int
	size := 0
	for i := range events {
		switch n := len(bodies[i]); {
		case bodies[i] == nil: // has an error already, or is not for the target
			continue
		case n > bytes:
			each[i] = &publish.RefusedError{Reason: fmt.Sprintf("it has %d bytes, and the target takes %d", n, bytes)}
			continue
		case len(group) == most || size+n > bytes:
			groups, group, size = append(groups, group), nil, 0
		}
		group = append(group, i)
		size += len(bodies[i])
	}
	if len(group) > 0 {
		groups = append(groups, group)
	}
	return groups
}

// result is nil, or the errors of some events; of one alone its own.
func result(each publish.Each) error {
	if len(each) == 1 {
		return each[0]
	}
	for _, err := range each {
		if err != nil {
			return each
		}
	}
	return nil
}

// fail notes an error for each event of a group.
func fail(each publish.Each, group []int, err error) {
	for _, i := range group {
		each[i] = err
	}
}
