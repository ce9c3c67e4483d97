package controller

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/transfer/types"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"transfer-operator/bench/peer/api/v1alpha1"
	"transfer-operator/bench/peer/internal/awsapi"
)

func TestOutcome(t *testing.T) {
	const resync = 10 * time.Minute
	cases := []struct {
		name   string
		err    error
		reason string
		after  time.Duration // 0: by the queue's backoff
	}{
		{"as it should be", nil, "Available", resync},
		{"waits for a person or a watch", block("WaitingForServer", "no id"), "WaitingForServer", resync},
		{"AWS is at it", &changing{"STARTING"}, "Changing", whileChanging},
		{"refused input", &types.InvalidRequestException{}, "Rejected", resync},
		{"another account", &awsapi.WrongAccountError{}, "WrongAccount", resync},
		{"throttled", &types.ThrottlingException{}, "Throttled", 0},
		{"no answer", errors.New("refused"), "AwsUnavailable", 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			result, err := result(c.err, resync)
			if result.RequeueAfter != c.after || (err != nil) != (c.after == 0) {
				t.Errorf("after %s, error %v", result.RequeueAfter, err)
			}
			var status v1alpha1.CommonStatus
			say(&status, 3, c.err)
			ready := status.Conditions[0]
			if ready.Reason != c.reason || (ready.Status == metav1.ConditionTrue) != (c.err == nil) {
				t.Errorf("Ready %s, %s", ready.Status, ready.Reason)
			}
			if ready.ObservedGeneration != 3 || status.ObservedGeneration != 3 {
				t.Errorf("observed %d and %d", ready.ObservedGeneration, status.ObservedGeneration)
			}
		})
	}
}

func TestInterval(t *testing.T) {
	if interval("", time.Minute) != time.Minute || interval("1h30m", time.Minute) != 90*time.Minute {
		t.Error("an object's own interval goes before that of all")
	}
}
