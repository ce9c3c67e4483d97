package compare

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/transfer/types"

	"transfer-operator/bench/peer/api/v1alpha1"
)

func TestServerUpdate(t *testing.T) {
	have := &types.DescribedServer{
		ServerId:             aws.String("s-1"),
		Protocols:            []types.Protocol{types.ProtocolFtps, types.ProtocolSftp},
		EndpointType:         types.EndpointTypePublic,
		IdentityProviderType: types.IdentityProviderTypeServiceManaged,
		SecurityPolicyName:   aws.String("TransferSecurityPolicy-2024-01"),
	}
	silent := &v1alpha1.TransferServerSpec{Region: "eu-central-1"}
	if update := ServerUpdate(silent, have); update != nil {
		t.Errorf("what the spec does not say would be changed: %+v", update)
	}
	equal := &v1alpha1.TransferServerSpec{
		Protocols: []string{"SFTP", "FTPS"}, EndpointType: "PUBLIC", IdentityProviderType: "SERVICE_MANAGED",
		SecurityPolicyName: "TransferSecurityPolicy-2024-01",
	}
	if update := ServerUpdate(equal, have); update != nil {
		t.Errorf("equal, but would send %+v", update)
	}
	equal.SecurityPolicyName = "TransferSecurityPolicy-2025-03"
	update := ServerUpdate(equal, have)
	if update == nil || aws.ToString(update.SecurityPolicyName) != "TransferSecurityPolicy-2025-03" ||
		update.Protocols != nil || aws.ToString(update.ServerId) != "s-1" {
		t.Errorf("would send %+v", update)
	}
}

func TestStateChange(t *testing.T) {
	cases := []struct {
		want, have types.State
		change     Switch
	}{
		{types.StateOnline, types.StateOnline, LeaveIt},
		{types.StateOnline, types.StateOffline, Start},
		{types.StateOffline, types.StateOnline, Stop},
		{types.StateOffline, types.StateStarting, LeaveIt},
		{types.StateOnline, types.StateStarting, LeaveIt},
	}
	for _, c := range cases {
		if change := StateChange(c.want, c.have); change != c.change {
			t.Errorf("want %s, have %s: %v", c.want, c.have, change)
		}
	}
}
