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

	textNotMember      = "The request is rejected because the given account ID is not an associated member of account the current account."
	textAlreadyMember  = "The request is rejected because the given account ID is already a member of the current account."
	textAlreadyInvited = "The request is rejected because the current account has already invited or is already the GuardDuty master of the given member account ID."
	textStillMember    = "The request is rejected because the current account cannot delete the given member account ID since it is still associated to it."
	textOwnAccount     = "The request is rejected because an account cannot become a member of itself."
	textMemberLimit    = "The request is rejected because member limit has exceeded."
	textHasMembers     = "The request is rejected because the current account cannot delete detector while it has invited or associated members."
	textByOrganization = "The request is rejected because the given account ID was added through the organization and cannot be invited."
	textAutoEnableAll  = "The request is rejected because autoEnableOrganizationMembers is ALL: every account of the organization is a member."
	textNoInvitation   = "The request is rejected because the current account has no invitation from the given account ID."
	textNoAdmin        = "The request is rejected because the current account is not associated with an administrator account."
	textNoOrganization = "The request is rejected because the current account is not the delegated administrator of an organization."
)

// bad is a 400 BadRequestException with a text of its own.
func bad(message string) *apiError {
	return &apiError{http.StatusBadRequest, "BadRequestException", "InvalidInputException", message}
}

// badParam says which parameter is wrong, by its path in the body (features[0].name),
// and why. Reason is the rest of a sentence, without the full stop.
func badParam(name, reason string) *apiError {
	name = badName(name) // a map's key is the caller's, and may be as long as the body
	return bad("The request is rejected because the parameter " + name + " has an invalid value: " + reason + ".")
}

// maxEcho bounds what an answer repeats of a parameter's name, in bytes.
const maxEcho = 200

// badName is what an answer repeats of a name that came with the request.
func badName(name string) string {
	if len(name) > maxEcho {
		return strings.ToValidUTF8(name[:maxEcho], "") + "…"
	}
	return strings.ToValidUTF8(name, "?")
}

func missing(name string) *apiError {
	return bad("The request is rejected because the required parameter " + name + " is not specified.")
}

func denied(role access.Role, operation string) *apiError {
	return &apiError{http.StatusForbidden, "AccessDeniedException", "AccessDeniedException",
		"The role " + string(role) + " is not authorized to perform: " + Service + ":" + operation}
}

// errTooMany is how AWS's REST services answer who calls too often. The SDKs
// wait and try again.
func errTooMany() *apiError {
	return &apiError{http.StatusTooManyRequests, "TooManyRequestsException", "TooManyRequestsException", "Too Many Requests"}
}

// noResource is a 404 in the words of the operations that have it.
func noResource(message string) *apiError {
	return &apiError{http.StatusNotFound, "ResourceNotFoundException", "InvalidInputException", message}
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
