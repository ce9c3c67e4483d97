package awsapi

import (
	"errors"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/transfer/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// As the SDK wraps what AWS answers; joined with another error where its quota of retries is used up.
func answered(err error, request string) error {
	return errors.Join(&smithy.OperationError{
		ServiceID: "Transfer", OperationName: "CreateUser",
		Err: &awshttp.ResponseError{RequestID: request, ResponseError: &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{}, Err: err,
		}},
	}, errors.New("retry quota exceeded"))
}

func TestExplain(t *testing.T) {
	cases := []struct {
		err             error
		reason, message string
	}{
		{&types.ThrottlingException{}, "Throttled", "ThrottlingException: "},
		{&types.InvalidRequestException{Message: aws.String("bad key")}, "Rejected", "InvalidRequestException: bad key"},
		{&smithy.GenericAPIError{Code: "ValidationException", Message: "role"}, "Rejected", "ValidationException: role"},
		{&types.ResourceExistsException{Message: aws.String("there")}, "AwsError", "ResourceExistsException: there"},
		{&types.ServiceUnavailableException{}, "AwsUnavailable", "ServiceUnavailableException: "},
	}
	for _, c := range cases {
		for _, request := range []string{"request-1", "request-2"} {
			if reason, message := Explain(answered(c.err, request)); reason != c.reason || message != c.message {
				t.Errorf("%T: %s, %s", c.err, reason, message)
			}
		}
	}
	if reason, _ := Explain(fmt.Errorf("no route")); reason != "AwsUnavailable" {
		t.Errorf("no answer: %s", reason)
	}
}

func TestNotFound(t *testing.T) {
	if !IsNotFound(answered(&types.ResourceNotFoundException{}, "1")) || IsNotFound(errors.New("x")) || IsNotFound(nil) {
		t.Error("only what AWS says it does not have is not found")
	}
}
