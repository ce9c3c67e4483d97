// Package v1alpha1 holds the product's own kinds, as far as the peer handles them. The CRDs are the product's (crds/ of
// the repository); nothing here defines a schema.
//
// +kubebuilder:object:generate=true
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

//go:generate go run sigs.k8s.io/controller-tools/cmd/controller-gen@v0.23.0 object paths=.

// GroupVersion is that of the CRDs.
var GroupVersion = schema.GroupVersion{Group: "transfer-operator.dev", Version: "v1alpha1"}

// AddToScheme makes the kinds known to a client.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion,
		&AwsIdentity{}, &AwsIdentityList{},
		&TransferServer{}, &TransferServerList{},
		&TransferUser{}, &TransferUserList{},
	)
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
