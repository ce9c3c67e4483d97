package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// TransferServerSpec is what the server shall be.
type TransferServerSpec struct {
	Region               string            `json:"region"`
	AwsIdentityRef       LocalReference    `json:"awsIdentityRef,omitzero"`
	Domain               string            `json:"domain,omitempty"`
	IdentityProviderType string            `json:"identityProviderType,omitempty"`
	Protocols            []string          `json:"protocols,omitempty"`
	EndpointType         string            `json:"endpointType,omitempty"`
	SecurityPolicyName   string            `json:"securityPolicyName,omitempty"`
	DesiredState         string            `json:"desiredState,omitempty"`
	Tags                 map[string]string `json:"tags,omitempty"`
	Lifecycle            Lifecycle         `json:"lifecycle,omitzero"`
	ResyncInterval       string            `json:"resyncInterval,omitempty"`
	Suspend              bool              `json:"suspend,omitempty"`

	// What the benchmark does not use is known by name only, so that it is refused and not left out in silence.
	Certificate                   *runtime.RawExtension `json:"certificate,omitempty"`
	CustomHostname                *runtime.RawExtension `json:"customHostname,omitempty"`
	EndpointDetails               *runtime.RawExtension `json:"endpointDetails,omitempty"`
	HostKeyStorageType            *runtime.RawExtension `json:"hostKeyStorageType,omitempty"`
	HostKeys                      *runtime.RawExtension `json:"hostKeys,omitempty"`
	IdentityProviderDetails       *runtime.RawExtension `json:"identityProviderDetails,omitempty"`
	IPAddressType                 *runtime.RawExtension `json:"ipAddressType,omitempty"`
	KnownHostsConfigMap           *runtime.RawExtension `json:"knownHostsConfigMap,omitempty"`
	LoggingRole                   *runtime.RawExtension `json:"loggingRole,omitempty"`
	LoginTest                     *runtime.RawExtension `json:"loginTest,omitempty"`
	PostAuthenticationLoginBanner *runtime.RawExtension `json:"postAuthenticationLoginBanner,omitempty"`
	PreAuthenticationLoginBanner  *runtime.RawExtension `json:"preAuthenticationLoginBanner,omitempty"`
	ProtocolDetails               *runtime.RawExtension `json:"protocolDetails,omitempty"`
	S3StorageOptions              *runtime.RawExtension `json:"s3StorageOptions,omitempty"`
	StructuredLogDestinations     *runtime.RawExtension `json:"structuredLogDestinations,omitempty"`
	WorkflowDetails               *runtime.RawExtension `json:"workflowDetails,omitempty"`
}

// Unhandled names the first field that the peer does not handle; empty if there is none.
func (spec *TransferServerSpec) Unhandled() string {
	if spec.EndpointType != "" && spec.EndpointType != "PUBLIC" {
		return "endpointType"
	}
	return firstSet([]field{
		{"certificate", spec.Certificate},
		{"customHostname", spec.CustomHostname},
		{"endpointDetails", spec.EndpointDetails},
		{"hostKeyStorageType", spec.HostKeyStorageType},
		{"hostKeys", spec.HostKeys},
		{"identityProviderDetails", spec.IdentityProviderDetails},
		{"ipAddressType", spec.IPAddressType},
		{"knownHostsConfigMap", spec.KnownHostsConfigMap},
		{"loggingRole", spec.LoggingRole},
		{"loginTest", spec.LoginTest},
		{"postAuthenticationLoginBanner", spec.PostAuthenticationLoginBanner},
		{"preAuthenticationLoginBanner", spec.PreAuthenticationLoginBanner},
		{"protocolDetails", spec.ProtocolDetails},
		{"s3StorageOptions", spec.S3StorageOptions},
		{"structuredLogDestinations", spec.StructuredLogDestinations},
		{"workflowDetails", spec.WorkflowDetails},
	}, &spec.Lifecycle)
}

// TransferServerStatus is what AWS has.
type TransferServerStatus struct {
	CommonStatus `json:",inline"`

	State              string `json:"state,omitempty"`
	Endpoint           string `json:"endpoint,omitempty"`
	HostKeyFingerprint string `json:"hostKeyFingerprint,omitempty"`
	SecurityPolicyName string `json:"securityPolicyName,omitempty"`
}

// +kubebuilder:object:root=true

// TransferServer is a server of AWS Transfer Family.
type TransferServer struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   TransferServerSpec   `json:"spec"`
	Status TransferServerStatus `json:"status,omitzero"`
}

// +kubebuilder:object:root=true

// TransferServerList is a list of TransferServer.
type TransferServerList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []TransferServer `json:"items"`
}

type field struct {
	name  string
	value *runtime.RawExtension
}

func firstSet(fields []field, lifecycle *Lifecycle) string {
	for _, field := range fields {
		if field.value != nil {
			return field.name
		}
	}
	if lifecycle.Adoption != nil {
		return "lifecycle.adoption"
	}
	if lifecycle.ManagementPolicy != "" && lifecycle.ManagementPolicy != "Full" {
		return "lifecycle.managementPolicy"
	}
	return ""
}
