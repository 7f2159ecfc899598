package api

import (
	"net/http"
	"strings"

	"github.com/vedette-project/vedette/internal/access"
)

// apiError is an answer other than success. Its message is for the caller:
// it speaks of the request and never of what is inside.
type apiError struct {
	status  int
	code    string // the exception's name: x-amzn-ErrorType, which the SDKs go by
	kind    string // the body's "type", a finer name that GuardDuty itself gives
	message string
}

func (e *apiError) Error() string { return e.code + ": " + e.message }

// Texts that Terraform, scripts and consoles match word for word.
const (
	textNotOwned      = "The request is rejected because the input detectorId is not owned by the current account."
	textExists        = "The request is rejected because a detector already exists for the current account."
	textNoResource    = "The request is rejected since no such resource found."
	textInvalidValues = "The request is rejected because the one or more input parameters have invalid values."
	textFilterExists  = "The request is rejected because a filter with the given name already exists."
	textFilterLimit   = "The request is rejected because filter limit has exceeded."
)

// bad is a 400 BadRequestException with a text of its own.
func bad(message string) *apiError {
	return &apiError{http.StatusBadRequest, "BadRequestException", "InvalidInputException", message}
}

// badParam says which parameter is wrong, by its path in the body (features[0].name),
// and why. Reason is the rest of a sentence, without the full stop.
func badParam(name, reason string) *apiError {
	if len(name) > maxEcho { // a map's key is the caller's, and may be as long as the body
		name = strings.ToValidUTF8(name[:maxEcho], "") + "…"
	}
	return bad("The request is rejected because the parameter " + name + " has an invalid value: " + reason + ".")
}

// maxEcho bounds what an answer repeats of a parameter's name, in bytes.
const maxEcho = 200

func missing(name string) *apiError {
	return bad("The request is rejected because the required parameter " + name + " is not specified.")
}

func denied(role access.Role, operation string) *apiError {
	return &apiError{http.StatusForbidden, "AccessDeniedException", "AccessDeniedException",
		"The role " + string(role) + " is not authorized to perform: " + Service + ":" + operation}
}

func errUnknownOperation() *apiError {
	return &apiError{http.StatusNotFound, "UnknownOperationException", "UnknownOperationException",
		"The requested method and path are not an operation of this service."}
}

func errTooLarge() *apiError {
	return &apiError{http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException", "RequestEntityTooLargeException",
		"The request is rejected because its body is larger than 1048576 bytes."}
}

func errInternal() *apiError {
	return &apiError{http.StatusInternalServerError, "InternalServerErrorException", "InternalException", "Internal server error."}
}
