package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// LocalReference names an object of the cluster, or of the same namespace.
type LocalReference struct {
	Name string `json:"name"`
}

// Lifecycle is how much may be done in AWS. The peer always applies the spec.
type Lifecycle struct {
	DeletionPolicy   string                `json:"deletionPolicy,omitempty"`
	ManagementPolicy string                `json:"managementPolicy,omitempty"`
	Adoption         *runtime.RawExtension `json:"adoption,omitempty"`
}

// CommonStatus is what every managed kind says about itself.
type CommonStatus struct {
	ObservedGeneration int64              `json:"observedGeneration,omitempty"`
	Conditions         []metav1.Condition `json:"conditions,omitempty"`
	AccountID          string             `json:"accountId,omitempty"`
	AwsIdentity        string             `json:"awsIdentity,omitempty"`
	Region             string             `json:"region,omitempty"`
	ServerID           string             `json:"serverId,omitempty"`
	Arn                string             `json:"arn,omitempty"`
}

// AwsIdentitySpec says which account, with which credentials.
type AwsIdentitySpec struct {
	AccountID   string            `json:"accountId"`
	Credentials Credentials       `json:"credentials"`
	Endpoints   Endpoints         `json:"endpoints,omitzero"`
	Tags        map[string]string `json:"tags,omitempty"`
}

// Credentials are the process's own with source Operator; the peer takes no others.
type Credentials struct {
	Source string `json:"source"`
}

// Endpoints are other addresses of AWS's services.
type Endpoints struct {
	Sts      string `json:"sts,omitempty"`
	Transfer string `json:"transfer,omitempty"`
}

// +kubebuilder:object:root=true

// AwsIdentity is only read.
type AwsIdentity struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec AwsIdentitySpec `json:"spec"`
}

// +kubebuilder:object:root=true

// AwsIdentityList is a list of AwsIdentity.
type AwsIdentityList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []AwsIdentity `json:"items"`
}
