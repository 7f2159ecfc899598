package access

import "net/http"

// Error is a refusal, in the words and codes of AWS. Its message may be shown
// to the caller: it tells of the request, never of what we hold.
type Error struct {
	Code    string // goes into x-amzn-ErrorType
	Message string
	Status  int // HTTP status, always 403
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// The codes that a refusal may carry. A wrong secret is InvalidSignature, the
// form that AWS's JSON services use (SignatureDoesNotMatch is that of its XML services).
const (
	CodeMissingToken = "MissingAuthenticationTokenException"
	CodeIncomplete   = "IncompleteSignatureException"
	CodeInvalid      = "InvalidSignatureException"
	CodeUnknownKey   = "UnrecognizedClientException"
	CodeAccessDenied = "AccessDeniedException"
)

func errMissingToken() *Error {
	return &Error{CodeMissingToken, "Missing Authentication Token", http.StatusForbidden}
}

func errIncomplete(msg string) *Error { return &Error{CodeIncomplete, msg, http.StatusForbidden} }

func errInvalid(msg string) *Error { return &Error{CodeInvalid, msg, http.StatusForbidden} }

func errUnknownKey() *Error {
	return &Error{CodeUnknownKey, "The security token included in the request is invalid.", http.StatusForbidden}
}

// errMismatch is the one message for every wrong signature, whatever part of
// the request differs: a hint would help only who guesses.
func errMismatch() *Error {
	return errInvalid("The request signature we calculated does not match the signature you provided. " +
		"Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
}
