// Package awsapi hands out clients of AWS Transfer Family, and tells AWS's errors apart.
package awsapi

import (
	"context"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/transfer"

	"transfer-operator/bench/peer/api/v1alpha1"
)

// Clients keeps one client for each identity and region, with everything that the SDK does by default: its retries, its
// HTTP client, credentials of the environment. Before the first use STS is asked once whose credentials they are.
type Clients struct {
	// Endpoint of all services; empty for AWS's own, or what the environment says (AWS_ENDPOINT_URL).
	Endpoint string

	lock    sync.Mutex
	clients map[clientKey]*transfer.Client
}

// An edit of the identity gives a new generation, and with it a new client.
type clientKey struct {
	identity   string
	generation int64
	region     string
}

// WrongAccountError says that the credentials belong to another account than the identity says.
type WrongAccountError struct{ Want, Have string }

func (e *WrongAccountError) Error() string {
	return fmt.Sprintf("the credentials belong to account %s, not to accountId %s", e.Have, e.Want)
}

// For gives the client of an identity and region. The lock is held meanwhile, so that many workers ask STS once.
func (c *Clients) For(ctx context.Context, identity *v1alpha1.AwsIdentity, region string) (*transfer.Client, error) {
	c.lock.Lock()
	defer c.lock.Unlock()
	key := clientKey{identity.Name, identity.Generation, region}
	if client, known := c.clients[key]; known {
		return client, nil
	}
	settings, err := config.LoadDefaultConfig(ctx, config.WithRegion(region), config.WithBaseEndpoint(c.Endpoint))
	if err != nil {
		return nil, fmt.Errorf("loading the AWS configuration: %w", err)
	}
	caller := sts.NewFromConfig(settings, func(options *sts.Options) {
		options.BaseEndpoint = orElse(identity.Spec.Endpoints.Sts, options.BaseEndpoint)
	})
	who, err := caller.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return nil, err
	}
	if have := aws.ToString(who.Account); have != identity.Spec.AccountID {
		return nil, &WrongAccountError{Want: identity.Spec.AccountID, Have: have}
	}
	client := transfer.NewFromConfig(settings, func(options *transfer.Options) {
		options.BaseEndpoint = orElse(identity.Spec.Endpoints.Transfer, options.BaseEndpoint)
	})
	if c.clients == nil {
		c.clients = map[clientKey]*transfer.Client{}
	}
	c.clients[key] = client
	return client, nil
}

func orElse(endpoint string, otherwise *string) *string {
	if endpoint == "" {
		return otherwise
	}
	return aws.String(endpoint)
}
