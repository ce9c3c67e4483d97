package controller

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/transfer"
	"github.com/aws/aws-sdk-go-v2/service/transfer/types"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"transfer-operator/bench/peer/api/v1alpha1"
	"transfer-operator/bench/peer/internal/awsapi"
	"transfer-operator/bench/peer/internal/compare"
)

// UserReconciler keeps users as their objects want them.
type UserReconciler struct {
	client.Client
	Clients *awsapi.Clients
	Events  events.EventRecorder
	Resync  time.Duration
}

// Reconcile is one look at a user.
func (r *UserReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var user v1alpha1.TransferUser
	if err := r.Get(ctx, request.NamespacedName, &user); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	resync := interval(user.Spec.ResyncInterval, r.Resync)
	switch {
	case user.DeletionTimestamp != nil:
		return r.remove(ctx, &user, resync)
	case user.Spec.Suspend:
		return ctrl.Result{}, nil
	}
	if err := holdOn(ctx, r, &user, user.DeepCopy()); err != nil {
		return ctrl.Result{}, err
	}
	base := user.DeepCopy()
	err := r.sync(ctx, &user)
	say(&user.Status.CommonStatus, user.Generation, err)
	if err := writeStatus(ctx, r, &user, base, base.Status, user.Status); err != nil {
		return ctrl.Result{}, err
	}
	return result(err, resync)
}

// target is where in AWS a user lives, and the client for it.
type target struct {
	api      *transfer.Client
	owner    *v1alpha1.AwsIdentity
	region   string
	serverID string
	name     string
}

// wanted is all that a user shall have.
type wanted struct {
	profile compare.Profile
	keys    []compare.Key
	tags    map[string]string
}

// sync makes the user if there is none, and else compares and updates.
func (r *UserReconciler) sync(ctx context.Context, user *v1alpha1.TransferUser) error {
	if field := user.Spec.Unhandled(); field != "" {
		return block("NotSupported", "the peer does not handle spec.%s", field)
	}
	at, err := r.target(ctx, user)
	if err != nil {
		return err
	}
	keys, err := r.keys(ctx, user)
	if err != nil {
		return err
	}
	want := wanted{
		profile: compare.WantedProfile(&user.Spec),
		keys:    keys,
		tags:    compare.Tags(at.owner.Spec.Tags, user.Spec.Tags, string(user.UID), user.Namespace+"/"+user.Name),
	}
	have, err := describeUser(ctx, at)
	again := false
	switch {
	case awsapi.IsNotFound(err):
		again, err = true, r.create(ctx, at, user, want)
	case err != nil:
	case !compare.IsOwned(have.Tags, string(user.UID)):
		err = block("Conflict", "AWS has user %s already, without the tags of this object", at.name)
	default:
		again, err = r.update(ctx, at, user, want, have)
	}
	// The id and date of a key are AWS's to give, and CreateUser does not return them.
	if err == nil && again {
		have, err = describeUser(ctx, at)
	}
	if err != nil {
		return err
	}
	showUser(&user.Status, at, want, have)
	return nil
}

// target finds the server: by reference, or by its id together with an identity and a region.
func (r *UserReconciler) target(ctx context.Context, user *v1alpha1.TransferUser) (target, error) {
	at := target{name: user.EffectiveName(), serverID: user.Spec.ServerID, region: user.Spec.Region}
	owner := ""
	switch reference := user.Spec.ServerRef; {
	case reference != nil:
		var server v1alpha1.TransferServer
		if err := r.Get(ctx, serverKey(user), &server); err != nil {
			if client.IgnoreNotFound(err) == nil {
				return at, block("ServerNotAvailable", "there is no TransferServer %s", serverKey(user))
			}
			return at, err
		}
		if server.Status.ServerID == "" {
			return at, block("WaitingForServer", "TransferServer %s has no server id yet", serverKey(user))
		}
		at.serverID, at.region, owner = server.Status.ServerID, server.Spec.Region, server.Spec.AwsIdentityRef.Name
	case user.Spec.AwsIdentityRef != nil:
		owner = user.Spec.AwsIdentityRef.Name
	}
	if pinned := user.Status.ServerID; pinned != "" && pinned != at.serverID {
		return at, block("ServerChanged", "the user lives on server %s; make a new object for another one", pinned)
	}
	return at, r.connect(ctx, &at, owner)
}

func (r *UserReconciler) connect(ctx context.Context, at *target, owner string) (err error) {
	if at.owner, err = identity(ctx, r, owner); err != nil {
		return err
	}
	at.api, err = r.Clients.For(ctx, at.owner, at.region)
	return err
}

// keys are those of the spec and of its ConfigMaps. A source that is missing changes nothing in AWS.
func (r *UserReconciler) keys(ctx context.Context, user *v1alpha1.TransferUser) ([]compare.Key, error) {
	var keys []compare.Key
	for _, inline := range user.Spec.SSHPublicKeys {
		key, err := compare.ParseKey(inline.PublicKey)
		if err != nil {
			return nil, block("InvalidKey", "spec.sshPublicKeys: %v", err)
		}
		keys = append(keys, key)
	}
	for _, source := range user.Spec.SSHPublicKeysFrom {
		reference := source.ConfigMapKeyRef
		var configMap corev1.ConfigMap
		err := r.Get(ctx, client.ObjectKey{Namespace: user.Namespace, Name: reference.Name}, &configMap)
		if client.IgnoreNotFound(err) != nil {
			return nil, err
		}
		text := configMap.Data[reference.Key]
		found, err := compare.ParseAuthorizedKeys(text)
		if err != nil {
			return nil, block("InvalidKey", "ConfigMap %s, %s: %v", reference.Name, reference.Key, err)
		}
		if len(found) == 0 {
			return nil, block("SourceNotReady", "ConfigMap %s has no keys in %s", reference.Name, reference.Key)
		}
		keys = append(keys, found...)
	}
	return compare.Distinct(keys), nil
}

// create makes the user with its first key, and imports the others.
func (r *UserReconciler) create(ctx context.Context, at target, user *v1alpha1.TransferUser, want wanted) error {
	_, err := at.api.CreateUser(ctx, compare.UserCreate(at.serverID, at.name, want.profile, want.keys, want.tags))
	if err != nil {
		return err
	}
	r.Events.Eventf(user, nil, corev1.EventTypeNormal, "Created", "Create", "created user %s on %s", at.name, at.serverID)
	if len(want.keys) > 1 {
		return importKeys(ctx, at, want.keys[1:])
	}
	return nil
}

// update brings profile, keys and tags to the spec, and says whether the keys changed. New keys come before old ones go, so
// that nobody is locked out.
func (r *UserReconciler) update(
	ctx context.Context, at target, user *v1alpha1.TransferUser, want wanted, have *types.DescribedUser,
) (rekeyed bool, err error) {
	changed := false
	if input := compare.UserUpdate(at.serverID, at.name, want.profile, have); input != nil {
		if _, err := at.api.UpdateUser(ctx, input); err != nil {
			return false, err
		}
		changed = true
	}
	if user.Spec.ManagesKeys() {
		exclusive := user.Spec.SSHPublicKeyPolicy != "Additive"
		imports, deletes := compare.KeyChanges(want.keys, have.SshPublicKeys, exclusive)
		rekeyed = len(imports)+len(deletes) > 0
		if err := importKeys(ctx, at, imports); err != nil {
			return rekeyed, err
		}
		for _, id := range deletes {
			_, err := at.api.DeleteSshPublicKey(ctx, &transfer.DeleteSshPublicKeyInput{
				ServerId: aws.String(at.serverID), UserName: aws.String(at.name), SshPublicKeyId: aws.String(id),
			})
			if err != nil && !awsapi.IsNotFound(err) {
				return rekeyed, err
			}
		}
	}
	retagged, err := syncTags(ctx, at.api, aws.ToString(have.Arn), want.tags, have.Tags)
	if err != nil {
		return rekeyed, err
	}
	if changed || rekeyed || retagged {
		r.Events.Eventf(user, nil, corev1.EventTypeNormal, "Updated", "Update", "updated user %s on %s", at.name, at.serverID)
	}
	return rekeyed, nil
}

// remove deletes the user in AWS, if it is this object's, and lets the object go.
func (r *UserReconciler) remove(
	ctx context.Context, user *v1alpha1.TransferUser, resync time.Duration,
) (ctrl.Result, error) {
	base := user.DeepCopy()
	if user.Spec.Lifecycle.DeletionPolicy != retain {
		if err := r.delete(ctx, user); err != nil {
			say(&user.Status.CommonStatus, user.Generation, err)
			if err := writeStatus(ctx, r, user, base, base.Status, user.Status); err != nil {
				return ctrl.Result{}, err
			}
			return result(err, resync)
		}
	}
	return ctrl.Result{}, letGo(ctx, r, user, base)
}

// delete goes by status, which knows the server after its object is gone. Without it the user may still have been made, so
// the server is looked up; where there is none, there is no user.
func (r *UserReconciler) delete(ctx context.Context, user *v1alpha1.TransferUser) error {
	at := target{name: user.EffectiveName(), serverID: user.Status.ServerID, region: user.Status.Region}
	var err error
	if at.serverID != "" {
		err = r.connect(ctx, &at, user.Status.AwsIdentity)
	} else if at, err = r.target(ctx, user); isServerless(err) {
		return nil
	}
	if err != nil {
		return err
	}
	have, err := describeUser(ctx, at)
	switch {
	case awsapi.IsNotFound(err):
		return nil
	case err != nil:
		return err
	case !compare.IsOwned(have.Tags, string(user.UID)):
		return nil
	}
	_, err = at.api.DeleteUser(ctx, &transfer.DeleteUserInput{
		ServerId: aws.String(at.serverID), UserName: aws.String(at.name),
	})
	if awsapi.IsNotFound(err) {
		return nil
	}
	return err
}

func importKeys(ctx context.Context, at target, keys []compare.Key) error {
	for _, key := range keys {
		_, err := at.api.ImportSshPublicKey(ctx, &transfer.ImportSshPublicKeyInput{
			ServerId: aws.String(at.serverID), UserName: aws.String(at.name), SshPublicKeyBody: aws.String(key.Body()),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func describeUser(ctx context.Context, at target) (*types.DescribedUser, error) {
	answer, err := at.api.DescribeUser(ctx, &transfer.DescribeUserInput{
		ServerId: aws.String(at.serverID), UserName: aws.String(at.name),
	})
	if err != nil {
		return nil, err
	}
	return answer.User, nil
}

// showUser puts what AWS has into status.
func showUser(status *v1alpha1.TransferUserStatus, at target, want wanted, have *types.DescribedUser) {
	status.ServerID, status.Region, status.UserName = at.serverID, at.region, at.name
	status.AwsIdentity, status.AccountID = at.owner.Name, at.owner.Spec.AccountID
	status.Arn = aws.ToString(have.Arn)
	status.SSHPublicKeyCount = int64(len(have.SshPublicKeys))
	status.SSHPublicKeys = nil
	for _, there := range have.SshPublicKeys {
		shown := v1alpha1.ObservedKey{ID: aws.ToString(there.SshPublicKeyId)}
		if there.DateImported != nil {
			shown.DateImported = there.DateImported.UTC().Format(time.RFC3339)
		}
		if key, err := compare.ParseKey(aws.ToString(there.SshPublicKeyBody)); err == nil {
			shown.Fingerprint, shown.Comment = key.Fingerprint(), key.Comment
			shown.Managed = slices.ContainsFunc(want.keys, key.Same)
		}
		status.SSHPublicKeys = append(status.SSHPublicKeys, shown)
	}
}
