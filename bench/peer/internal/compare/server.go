package compare

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/transfer"
	"github.com/aws/aws-sdk-go-v2/service/transfer/types"

	"transfer-operator/bench/peer/api/v1alpha1"
)

// ServerCreate is the call that makes the server. What the spec does not say is left to AWS.
func ServerCreate(spec *v1alpha1.TransferServerSpec, tags map[string]string) *transfer.CreateServerInput {
	return &transfer.CreateServerInput{
		Domain:               types.Domain(spec.Domain),
		IdentityProviderType: types.IdentityProviderType(spec.IdentityProviderType),
		Protocols:            protocols(spec.Protocols),
		EndpointType:         types.EndpointType(spec.EndpointType),
		SecurityPolicyName:   orNil(spec.SecurityPolicyName),
		Tags:                 TagList(tags),
	}
}

// ServerUpdate is the call that brings the server to the spec; nil if it is there.
func ServerUpdate(spec *v1alpha1.TransferServerSpec, have *types.DescribedServer) *transfer.UpdateServerInput {
	update := &transfer.UpdateServerInput{ServerId: have.ServerId}
	changed := false
	if want := spec.SecurityPolicyName; want != "" && want != aws.ToString(have.SecurityPolicyName) {
		update.SecurityPolicyName, changed = aws.String(want), true
	}
	if want := types.IdentityProviderType(spec.IdentityProviderType); want != "" && want != have.IdentityProviderType {
		update.IdentityProviderType, changed = want, true
	}
	if want := types.EndpointType(spec.EndpointType); want != "" && want != have.EndpointType {
		update.EndpointType, changed = want, true
	}
	if want := protocols(spec.Protocols); len(want) > 0 && !sameSet(want, have.Protocols) {
		update.Protocols, changed = want, true
	}
	if !changed {
		return nil
	}
	return update
}

// Switch says whether the server is to be started or stopped for the state that the spec wants.
type Switch int

// What is to be done about the state.
const (
	LeaveIt Switch = iota
	Start
	Stop
)

// WantedState is that of the spec; AWS's servers are ONLINE from their creation.
func WantedState(spec *v1alpha1.TransferServerSpec) types.State {
	if spec.DesiredState == "" {
		return types.StateOnline
	}
	return types.State(spec.DesiredState)
}

// StateChange says what is to be done about the state; nothing while AWS is at it.
func StateChange(want, have types.State) Switch {
	switch {
	case want == types.StateOffline && have == types.StateOnline:
		return Stop
	case want == types.StateOnline && have == types.StateOffline:
		return Start
	default:
		return LeaveIt
	}
}

func protocols(names []string) []types.Protocol {
	list := make([]types.Protocol, 0, len(names))
	for _, name := range names {
		list = append(list, types.Protocol(name))
	}
	if len(list) == 0 {
		return nil
	}
	return list
}

func sameSet(a, b []types.Protocol) bool {
	left, right := slices.Clone(a), slices.Clone(b)
	slices.Sort(left)
	slices.Sort(right)
	return slices.Equal(left, right)
}
