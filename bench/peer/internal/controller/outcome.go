// Package controller holds the two reconcilers. Each describes what AWS has, compares, updates, and says so in status.
package controller

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"transfer-operator/bench/peer/api/v1alpha1"
	"transfer-operator/bench/peer/internal/awsapi"
)

const (
	// Finalizer holds an object until AWS has its counterpart no more.
	Finalizer = "peer.transfer-operator.dev/finalizer"
	// retain is the deletion policy that leaves AWS as it is.
	retain = "Retain"
	// whileChanging is how often a server that starts or stops is looked at: AWS takes minutes for it.
	whileChanging = 5 * time.Second
)

// A blocked object is not tried again sooner than at the next resync: a watch wakes it, or an edit does.
type blocked struct{ reason, message string }

func (b *blocked) Error() string { return b.reason + ": " + b.message }

func block(reason, format string, args ...any) error {
	return &blocked{reason, fmt.Sprintf(format, args...)}
}

// changing says that AWS is at it.
type changing struct{ state string }

func (c *changing) Error() string { return "the server is " + c.state }

// refused says whether another attempt with the same input is pointless.
func refused(reason string) bool { return reason == "Rejected" || reason == "WrongAccount" }

// verdict is what a reconcile came to, for the condition Ready.
type verdict struct {
	status          metav1.ConditionStatus
	reason, message string
}

func judge(err error) verdict {
	var held *blocked
	var busy *changing
	var account *awsapi.WrongAccountError
	switch {
	case err == nil:
		return verdict{metav1.ConditionTrue, "Available", "AWS is as the spec wants it"}
	case errors.As(err, &held):
		return verdict{metav1.ConditionFalse, held.reason, held.message}
	case errors.As(err, &busy):
		return verdict{metav1.ConditionFalse, "Changing", busy.Error()}
	case errors.As(err, &account):
		return verdict{metav1.ConditionFalse, "WrongAccount", account.Error()}
	default:
		reason, message := awsapi.Explain(err)
		return verdict{metav1.ConditionFalse, reason, message}
	}
}

// result says when the object's next turn is. What AWS may take another time is retried with the queue's backoff.
func result(err error, resync time.Duration) (ctrl.Result, error) {
	var held *blocked
	var busy *changing
	switch {
	case err == nil, errors.As(err, &held), refused(judge(err).reason):
		return ctrl.Result{RequeueAfter: resync}, nil
	case errors.As(err, &busy):
		return ctrl.Result{RequeueAfter: whileChanging}, nil
	default:
		return ctrl.Result{}, err
	}
}

// interval is the object's own, or that of all.
func interval(own string, all time.Duration) time.Duration {
	if parsed, err := time.ParseDuration(own); err == nil {
		return parsed
	}
	return all
}

// say puts the verdict into status.
func say(status *v1alpha1.CommonStatus, generation int64, err error) {
	said := judge(err)
	status.ObservedGeneration = generation
	meta.SetStatusCondition(&status.Conditions, metav1.Condition{
		Type: "Ready", Status: said.status, Reason: said.reason, Message: said.message, ObservedGeneration: generation,
	})
}

// holdOn adds the finalizer before anything is made in AWS. A patch, as an update would drop what the types here leave out;
// with the version, as a list is replaced as a whole.
func holdOn(ctx context.Context, writer client.Writer, object, base client.Object) error {
	if !controllerutil.AddFinalizer(object, Finalizer) {
		return nil
	}
	return writer.Patch(ctx, object, client.MergeFromWithOptions(base, client.MergeFromWithOptimisticLock{}))
}

// letGo takes the finalizer off.
func letGo(ctx context.Context, writer client.Writer, object, base client.Object) error {
	if !controllerutil.RemoveFinalizer(object, Finalizer) {
		return nil
	}
	patch := client.MergeFromWithOptions(base, client.MergeFromWithOptimisticLock{})
	return client.IgnoreNotFound(writer.Patch(ctx, object, patch))
}

// writeStatus writes what changed, and nothing if nothing did.
func writeStatus(ctx context.Context, writer client.StatusClient, object, base client.Object, before, after any) error {
	if equality.Semantic.DeepEqual(before, after) {
		return nil
	}
	return client.IgnoreNotFound(writer.Status().Patch(ctx, object, client.MergeFrom(base)))
}

// identity reads the AwsIdentity; credentials other than the process's own are refused.
func identity(ctx context.Context, reader client.Reader, name string) (*v1alpha1.AwsIdentity, error) {
	if name == "" {
		name = "default"
	}
	var found v1alpha1.AwsIdentity
	if err := reader.Get(ctx, client.ObjectKey{Name: name}, &found); err != nil {
		if client.IgnoreNotFound(err) == nil {
			return nil, block("IdentityNotReady", "there is no AwsIdentity %s", name)
		}
		return nil, err
	}
	if source := found.Spec.Credentials.Source; source != "Operator" {
		return nil, block("NotSupported", "AwsIdentity %s: credentials.source %s", name, source)
	}
	return &found, nil
}
