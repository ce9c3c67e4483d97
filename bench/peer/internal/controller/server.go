package controller

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/transfer"
	"github.com/aws/aws-sdk-go-v2/service/transfer/types"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"transfer-operator/bench/peer/api/v1alpha1"
	"transfer-operator/bench/peer/internal/awsapi"
	"transfer-operator/bench/peer/internal/compare"
)

// ServerReconciler keeps servers as their objects want them.
type ServerReconciler struct {
	client.Client
	// Live reads past the cache.
	Live    client.Reader
	Clients *awsapi.Clients
	Events  events.EventRecorder
	Resync  time.Duration
}

// SetupWithManager registers the reconciler.
func (r *ServerReconciler) SetupWithManager(manager ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(manager).
		For(&v1alpha1.TransferServer{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Complete(r)
}

// Reconcile is one look at a server.
func (r *ServerReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var server v1alpha1.TransferServer
	if err := r.Get(ctx, request.NamespacedName, &server); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	resync := interval(server.Spec.ResyncInterval, r.Resync)
	switch {
	case server.DeletionTimestamp != nil:
		return r.remove(ctx, &server, resync)
	case server.Spec.Suspend:
		return ctrl.Result{}, nil
	}
	if err := holdOn(ctx, r, &server, server.DeepCopy()); err != nil {
		return ctrl.Result{}, err
	}
	base := server.DeepCopy()
	err := r.sync(ctx, &server)
	say(&server.Status.CommonStatus, server.Generation, err)
	if err := writeStatus(ctx, r, &server, base, base.Status, server.Status); err != nil {
		return ctrl.Result{}, err
	}
	return result(err, resync)
}

// api is whose the server is, and the client for where it lives.
func (r *ServerReconciler) api(
	ctx context.Context, server *v1alpha1.TransferServer,
) (*v1alpha1.AwsIdentity, *transfer.Client, error) {
	owner, err := identity(ctx, r, server.Spec.AwsIdentityRef.Name)
	if err != nil {
		return nil, nil, err
	}
	api, err := r.Clients.For(ctx, owner, server.Spec.Region)
	return owner, api, err
}

// sync makes the server if there is none, and else compares and updates.
func (r *ServerReconciler) sync(ctx context.Context, server *v1alpha1.TransferServer) error {
	if field := server.Spec.Unhandled(); field != "" {
		return block("NotSupported", "the peer does not handle spec.%s", field)
	}
	owner, api, err := r.api(ctx, server)
	if err != nil {
		return err
	}
	name := server.Namespace + "/" + server.Name
	tags := compare.Tags(owner.Spec.Tags, server.Spec.Tags, string(server.UID), name)
	if server.Status.ServerID == "" {
		if err := r.create(ctx, api, server, tags); err != nil {
			return err
		}
	}
	status := &server.Status
	status.Region, status.AwsIdentity, status.AccountID = server.Spec.Region, owner.Name, owner.Spec.AccountID
	have, err := describeServer(ctx, api, status.ServerID)
	switch {
	case awsapi.IsNotFound(err):
		return block("ServerGone", "AWS has no server %s any more", status.ServerID)
	case err != nil:
		return err
	case !compare.IsOwned(have.Tags, string(server.UID)):
		return block("Conflict", "server %s does not have the tags of this object", status.ServerID)
	}
	err = r.update(ctx, api, server, have, tags)
	show(status, have)
	if err == nil && have.State != compare.WantedState(&server.Spec) {
		err = &changing{string(have.State)}
	}
	return err
}

// create makes the server and writes its id at once: CreateServer has no token that would make it safe to repeat. The cache
// may lag behind the last write of the id, so it is read live before.
func (r *ServerReconciler) create(
	ctx context.Context, api *transfer.Client, server *v1alpha1.TransferServer, tags map[string]string,
) error {
	var live v1alpha1.TransferServer
	if err := r.Live.Get(ctx, client.ObjectKeyFromObject(server), &live); err != nil {
		return err
	}
	if live.Status.ServerID != "" {
		server.Status.ServerID = live.Status.ServerID
		return nil
	}
	made, err := api.CreateServer(ctx, compare.ServerCreate(&server.Spec, tags))
	if err != nil {
		return err
	}
	server.Status.ServerID = aws.ToString(made.ServerId)
	base := live.DeepCopy()
	live.Status.ServerID = server.Status.ServerID
	if err := r.Status().Patch(ctx, &live, client.MergeFrom(base)); err != nil {
		return fmt.Errorf("writing the id of new server %s: %w", server.Status.ServerID, err)
	}
	r.Events.Eventf(server, nil, corev1.EventTypeNormal, "Created", "Create", "created server %s", server.Status.ServerID)
	return nil
}

// update brings settings, tags and state to the spec.
func (r *ServerReconciler) update(
	ctx context.Context, api *transfer.Client, server *v1alpha1.TransferServer, have *types.DescribedServer,
	tags map[string]string,
) error {
	changed := false
	if input := compare.ServerUpdate(&server.Spec, have); input != nil {
		if _, err := api.UpdateServer(ctx, input); err != nil {
			return err
		}
		changed = true
	}
	retagged, err := syncTags(ctx, api, aws.ToString(have.Arn), tags, have.Tags)
	if err != nil {
		return err
	}
	if changed || retagged {
		r.Events.Eventf(server, nil, corev1.EventTypeNormal, "Updated", "Update", "updated server %s", server.Status.ServerID)
	}
	switch compare.StateChange(compare.WantedState(&server.Spec), have.State) {
	case compare.Start:
		_, err = api.StartServer(ctx, &transfer.StartServerInput{ServerId: have.ServerId})
	case compare.Stop:
		_, err = api.StopServer(ctx, &transfer.StopServerInput{ServerId: have.ServerId})
	}
	return err
}

// remove deletes the server in AWS, if it is this object's, and lets the object go.
func (r *ServerReconciler) remove(
	ctx context.Context, server *v1alpha1.TransferServer, resync time.Duration,
) (ctrl.Result, error) {
	base := server.DeepCopy()
	if server.Status.ServerID != "" && server.Spec.Lifecycle.DeletionPolicy != retain {
		if err := r.delete(ctx, server); err != nil {
			say(&server.Status.CommonStatus, server.Generation, err)
			if err := writeStatus(ctx, r, server, base, base.Status, server.Status); err != nil {
				return ctrl.Result{}, err
			}
			return result(err, resync)
		}
	}
	return ctrl.Result{}, letGo(ctx, r, server, base)
}

func (r *ServerReconciler) delete(ctx context.Context, server *v1alpha1.TransferServer) error {
	_, api, err := r.api(ctx, server)
	if err != nil {
		return err
	}
	have, err := describeServer(ctx, api, server.Status.ServerID)
	switch {
	case awsapi.IsNotFound(err):
		return nil
	case err != nil:
		return err
	case !compare.IsOwned(have.Tags, string(server.UID)):
		return nil
	}
	_, err = api.DeleteServer(ctx, &transfer.DeleteServerInput{ServerId: have.ServerId})
	if awsapi.IsNotFound(err) {
		return nil
	}
	return err
}

func describeServer(ctx context.Context, api *transfer.Client, id string) (*types.DescribedServer, error) {
	answer, err := api.DescribeServer(ctx, &transfer.DescribeServerInput{ServerId: aws.String(id)})
	if err != nil {
		return nil, err
	}
	return answer.Server, nil
}

func show(status *v1alpha1.TransferServerStatus, have *types.DescribedServer) {
	status.Arn = aws.ToString(have.Arn)
	status.State = string(have.State)
	status.Endpoint = fmt.Sprintf("%s.server.transfer.%s.amazonaws.com", status.ServerID, status.Region)
	status.HostKeyFingerprint = aws.ToString(have.HostKeyFingerprint)
	status.SecurityPolicyName = aws.ToString(have.SecurityPolicyName)
}

// syncTags sets and takes off what differs, and says whether anything did.
func syncTags(
	ctx context.Context, api *transfer.Client, arn string, want map[string]string, have []types.Tag,
) (bool, error) {
	set, remove := compare.TagChanges(want, have)
	if len(set) > 0 {
		if _, err := api.TagResource(ctx, &transfer.TagResourceInput{Arn: aws.String(arn), Tags: set}); err != nil {
			return false, err
		}
	}
	if len(remove) > 0 {
		if _, err := api.UntagResource(ctx, &transfer.UntagResourceInput{Arn: aws.String(arn), TagKeys: remove}); err != nil {
			return false, err
		}
	}
	return len(set)+len(remove) > 0, nil
}
