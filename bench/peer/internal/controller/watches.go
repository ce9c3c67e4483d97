package controller

import (
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"transfer-operator/bench/peer/api/v1alpha1"
)

// Indexes over users.
const (
	byServer    = "serverRef"
	byConfigMap = "configMaps"
)

// SetupWithManager registers the reconciler, and what wakes a user besides its own edits: its server's id, its ConfigMaps.
func (r *UserReconciler) SetupWithManager(ctx context.Context, manager ctrl.Manager) error {
	indexer := manager.GetFieldIndexer()
	servers := func(object client.Object) []string {
		user := object.(*v1alpha1.TransferUser)
		if user.Spec.ServerRef == nil {
			return nil
		}
		return []string{serverKey(user).String()}
	}
	configMaps := func(object client.Object) []string {
		var names []string
		for _, source := range object.(*v1alpha1.TransferUser).Spec.SSHPublicKeysFrom {
			names = append(names, source.ConfigMapKeyRef.Name)
		}
		return names
	}
	if err := indexer.IndexField(ctx, &v1alpha1.TransferUser{}, byServer, servers); err != nil {
		return err
	}
	if err := indexer.IndexField(ctx, &v1alpha1.TransferUser{}, byConfigMap, configMaps); err != nil {
		return err
	}
	ofServer := handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, object client.Object) []reconcile.Request {
		return r.users(ctx, client.MatchingFields{byServer: client.ObjectKeyFromObject(object).String()})
	})
	ofConfigMap := handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, object client.Object) []reconcile.Request {
		return r.users(ctx, client.MatchingFields{byConfigMap: object.GetName()}, client.InNamespace(object.GetNamespace()))
	})
	return ctrl.NewControllerManagedBy(manager).
		For(&v1alpha1.TransferUser{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.TransferServer{}, ofServer, builder.WithPredicates(newServerID())).
		Watches(&corev1.ConfigMap{}, ofConfigMap, builder.WithPredicates(predicate.ResourceVersionChangedPredicate{})).
		Complete(r)
}

// newServerID lets through what users wait for; every other write of a server's status would wake them all.
func newServerID() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(change event.UpdateEvent) bool {
			before, after := change.ObjectOld.(*v1alpha1.TransferServer), change.ObjectNew.(*v1alpha1.TransferServer)
			return before.Status.ServerID != after.Status.ServerID
		},
		DeleteFunc: func(event.DeleteEvent) bool { return false },
	}
}

// users are the requests for those that match.
func (r *UserReconciler) users(ctx context.Context, matching ...client.ListOption) []reconcile.Request {
	var users v1alpha1.TransferUserList
	if err := r.List(ctx, &users, matching...); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "listing the users to wake")
		return nil
	}
	requests := make([]reconcile.Request, 0, len(users.Items))
	for _, user := range users.Items {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&user)})
	}
	return requests
}

func serverKey(user *v1alpha1.TransferUser) client.ObjectKey {
	key := client.ObjectKey{Namespace: user.Spec.ServerRef.Namespace, Name: user.Spec.ServerRef.Name}
	if key.Namespace == "" {
		key.Namespace = user.Namespace
	}
	return key
}

// isServerless says that no server can have the user, as there is none or it has no id.
func isServerless(err error) bool {
	var held *blocked
	return errors.As(err, &held) && (held.reason == "ServerNotAvailable" || held.reason == "WaitingForServer")
}
