package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// ServerReference names a TransferServer; without a namespace one of the user's own.
type ServerReference struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace,omitempty"`
}

// Home is the short form of homeDirectory, homeDirectoryType and homeDirectoryMappings.
type Home struct {
	S3         *HomeS3  `json:"s3,omitempty"`
	Efs        *HomeEfs `json:"efs,omitempty"`
	Restricted *bool    `json:"restricted,omitempty"`
}

// HomeS3 is a home in a bucket.
type HomeS3 struct {
	Bucket string `json:"bucket"`
	Prefix string `json:"prefix,omitempty"`
}

// HomeEfs is a home on a file system.
type HomeEfs struct {
	FileSystemID string `json:"fileSystemId"`
	Path         string `json:"path,omitempty"`
}

// Mapping is one logical directory.
type Mapping struct {
	Entry  string `json:"entry"`
	Target string `json:"target"`
	Type   string `json:"type,omitempty"`
}

// PosixProfile is the user's identity on EFS.
type PosixProfile struct {
	UID           int64   `json:"uid"`
	GID           int64   `json:"gid"`
	SecondaryGIDs []int64 `json:"secondaryGids,omitempty"`
}

// SSHPublicKey is a key that may log in.
type SSHPublicKey struct {
	PublicKey string `json:"publicKey"`
	ExpiresAt string `json:"expiresAt,omitempty"`
}

// KeySource is a ConfigMap with keys in authorized_keys form.
type KeySource struct {
	ConfigMapKeyRef ConfigMapKeyRef `json:"configMapKeyRef"`
}

// ConfigMapKeyRef names an entry of a ConfigMap of the same namespace.
type ConfigMapKeyRef struct {
	Name string `json:"name"`
	Key  string `json:"key"`
}

// TransferUserSpec is what the user shall be.
type TransferUserSpec struct {
	ServerRef             *ServerReference  `json:"serverRef,omitempty"`
	ServerID              string            `json:"serverId,omitempty"`
	AwsIdentityRef        *LocalReference   `json:"awsIdentityRef,omitempty"`
	Region                string            `json:"region,omitempty"`
	UserName              string            `json:"userName,omitempty"`
	Role                  string            `json:"role"`
	Home                  *Home             `json:"home,omitempty"`
	HomeDirectory         string            `json:"homeDirectory,omitempty"`
	HomeDirectoryType     string            `json:"homeDirectoryType,omitempty"`
	HomeDirectoryMappings []Mapping         `json:"homeDirectoryMappings,omitempty"`
	Policy                string            `json:"policy,omitempty"`
	PosixProfile          *PosixProfile     `json:"posixProfile,omitempty"`
	SSHPublicKeys         []SSHPublicKey    `json:"sshPublicKeys,omitempty"`
	SSHPublicKeysFrom     []KeySource       `json:"sshPublicKeysFrom,omitempty"`
	SSHPublicKeyPolicy    string            `json:"sshPublicKeyPolicy,omitempty"`
	Tags                  map[string]string `json:"tags,omitempty"`
	Lifecycle             Lifecycle         `json:"lifecycle,omitzero"`
	ResyncInterval        string            `json:"resyncInterval,omitempty"`
	Suspend               bool              `json:"suspend,omitempty"`

	// What the benchmark does not use; see TransferServerSpec.
	PolicyFrom *runtime.RawExtension `json:"policyFrom,omitempty"`
}

// Unhandled names the first field that the peer does not handle; empty if there is none.
func (spec *TransferUserSpec) Unhandled() string {
	for _, key := range spec.SSHPublicKeys {
		if key.ExpiresAt != "" {
			return "sshPublicKeys[].expiresAt"
		}
	}
	return firstSet([]field{{"policyFrom", spec.PolicyFrom}}, &spec.Lifecycle)
}

// ManagesKeys says whether the spec names any keys at all; if not, those in AWS are left alone.
func (spec *TransferUserSpec) ManagesKeys() bool {
	return spec.SSHPublicKeys != nil || spec.SSHPublicKeysFrom != nil
}

// ObservedKey is a key as AWS has it.
type ObservedKey struct {
	ID           string `json:"id,omitempty"`
	Fingerprint  string `json:"fingerprint,omitempty"`
	Comment      string `json:"comment,omitempty"`
	DateImported string `json:"dateImported,omitempty"`
	Managed      bool   `json:"managed"`
}

// TransferUserStatus is what AWS has.
type TransferUserStatus struct {
	CommonStatus `json:",inline"`

	UserName          string        `json:"userName,omitempty"`
	SSHPublicKeys     []ObservedKey `json:"sshPublicKeys,omitempty"`
	SSHPublicKeyCount int64         `json:"sshPublicKeyCount,omitempty"`
}

// +kubebuilder:object:root=true

// TransferUser is a user of a server of AWS Transfer Family.
type TransferUser struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   TransferUserSpec   `json:"spec"`
	Status TransferUserStatus `json:"status,omitzero"`
}

// EffectiveName is the user's name in AWS.
func (user *TransferUser) EffectiveName() string {
	if user.Spec.UserName != "" {
		return user.Spec.UserName
	}
	return user.Name
}

// +kubebuilder:object:root=true

// TransferUserList is a list of TransferUser.
type TransferUserList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []TransferUser `json:"items"`
}
