package ingest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// AWSError is a call of AWS that failed, with what to do about it.
type AWSError struct {
	Doing  string // such as "read s3://bucket/key"
	Remedy string // "" when waiting is the remedy
	Err    error
}

func (e *AWSError) Error() string {
	if e.Remedy == "" {
		return fmt.Sprintf("%s: %v", e.Doing, e.Err)
	}
	return fmt.Sprintf("%s: %s (%v)", e.Doing, e.Remedy, e.Err)
}

func (e *AWSError) Unwrap() error { return e.Err }

// awsError says what to do about an error of an AWS call. The permission and
// the resource are what the call needs.
func awsError(err error, doing, permission, resource string) error {
	if err == nil {
		return nil
	}
	return &AWSError{doing, remedyFor(err, permission, resource), err}
}

// Reached is told whether a service answered a call, which is named by the
// permission it needs; the error is nil if it did.
type Reached func(ctx context.Context, call string, err error)

// tell tells, unless the call was ended by who made it.
func (r Reached) tell(ctx context.Context, call string, err error) {
	if r != nil && (err == nil || ctx.Err() == nil) {
		r(ctx, call, err)
	}
}

// callFor bounds how long a call may take, all of its tries together.
const callFor = time.Minute

// ofObject reports whether an error of reading an object, or nil, says that
// its bucket was reached: what is wrong then is wrong with this object alone.
func ofObject(err error) bool {
	var call *AWSError
	code, _ := codeOf(err)
	return !errors.As(err, &call) || isMissing(err) || code == "InvalidObjectState"
}

func remedyFor(err error, permission, resource string) string {
	code, msg := codeOf(err)
	switch {
	case strings.Contains(msg, "sts:AssumeRole"): // the text of STS names the role
		return "the role cannot be taken on; allow sts:AssumeRole on it to Vedette's identity, and name that identity (and the external id) in the role's trust policy"
	case strings.Contains(msg, "kms:") || strings.HasPrefix(code, "KMS") || strings.Contains(msg, "KMS"):
		return "the object is encrypted; allow kms:Decrypt on its KMS key to Vedette's role, in the role's policy and in the key's"
	case code == "AccessDenied" || code == "AccessDeniedException" || code == "Forbidden" || code == "AllAccessDisabled" || isStatus(err, http.StatusForbidden) && code == "":
		return fmt.Sprintf("allow %s on %s to Vedette's role, in its policy and in the resource's own where there is one", permission, resource)
	case code == "InvalidObjectState":
		return "the object is archived; restore it, or keep logs out of Glacier for as long as they may be read"
	case code == "NoSuchBucket":
		return "there is no such bucket; see that its name and Region are right"
	case code == "NoSuchKey" || code == "NoSuchVersion" || isStatus(err, http.StatusNotFound):
		return "there is no such object; it was deleted, or never written"
	case strings.Contains(code, "NonExistentQueue") || code == "QueueDoesNotExist":
		return "there is no such queue; see that its URL and Region are right"
	case code == "PermanentRedirect" || code == "AuthorizationHeaderMalformed" || code == "IllegalLocationConstraintException":
		return "the bucket is in another Region; set region beside it"
	case code == "ExpiredToken" || code == "ExpiredTokenException" || code == "InvalidAccessKeyId" || code == "SignatureDoesNotMatch" || code == "InvalidClientTokenId":
		return "the AWS credentials are not valid (any more); see where Vedette takes them from"
	case strings.Contains(err.Error(), "operation error STS"):
		return "the role cannot be taken on; see that roleARN is right, and that STS of this Region can be reached"
	case strings.Contains(err.Error(), "get credentials") || strings.Contains(err.Error(), "refresh cached credentials"):
		return "there are no AWS credentials; give Vedette a role (IRSA, an instance profile), a profile or AWS_ACCESS_KEY_ID"
	case isSilence(err):
		return "nothing answers; see that the address (url, endpoint, region) is right, and that DNS, firewall, proxy or VPC endpoint let Vedette through"
	}
	return ""
}

// codeOf is AWS's code and text for an error, "" when there is none.
func codeOf(err error) (code, msg string) {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode(), api.ErrorMessage()
	}
	return "", ""
}

// isSilence reports that a request got no answer.
func isSilence(err error) bool {
	var send *smithyhttp.RequestSendError
	return errors.As(err, &send) || errors.Is(err, context.DeadlineExceeded)
}

func isStatus(err error, status int) bool {
	var re *awshttp.ResponseError
	return errors.As(err, &re) && re.HTTPStatusCode() == status
}

// isMissing reports that an object is not there.
func isMissing(err error) bool {
	code, _ := codeOf(err)
	return code == "NoSuchKey" || code == "NoSuchVersion" || code != "NoSuchBucket" && isStatus(err, http.StatusNotFound)
}
