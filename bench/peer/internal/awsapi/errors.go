package awsapi

import (
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/transfer/types"
	"github.com/aws/smithy-go"
)

// IsNotFound says whether AWS does not have what the call was about.
func IsNotFound(err error) bool {
	var missing *types.ResourceNotFoundException
	return errors.As(err, &missing)
}

// Explain gives a reason for a condition, and a message without the request's id: that one would be another text, and
// another write of the status, at each attempt.
func Explain(err error) (reason, message string) {
	var answer smithy.APIError
	if !errors.As(err, &answer) {
		return "AwsUnavailable", err.Error()
	}
	message = fmt.Sprintf("%s: %s", answer.ErrorCode(), answer.ErrorMessage())
	switch answer.ErrorCode() {
	case "ThrottlingException":
		return "Throttled", message
	case "AccessDeniedException":
		return "AccessDenied", message
	case "InvalidRequestException", "ValidationException":
		return "Rejected", message
	case "ServiceUnavailableException", "InternalServiceError":
		return "AwsUnavailable", message
	default:
		return "AwsError", message
	}
}
