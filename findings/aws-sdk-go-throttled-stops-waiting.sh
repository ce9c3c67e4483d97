#!/usr/bin/env bash
# aws-sdk-go-v2 1.48.0: what its default retries do while a service throttles for longer than a moment.
#
# Up to three attempts, with waits of up to one and up to two seconds: so one leaves the waiting to the SDK. But all retries
# of a client come out of one quota of 500 tokens, a throttled one takes 5, and only successes give back. After 100 retries
# there are no more, and no waits either: each call fails at once on its first answer, and says so at the end of a long
# error text only. What is around the SDK then sets the pace; controller-runtime's backoff begins at 5 ms for each object.
#
#   seen 2026-11-29, aws-sdk-go-v2 1.48.0, service/transfer 1.72.2: 1,000 calls by 10 workers, all throttled, are 1,100
#   requests, not 3,000: some 950 calls ended for want of quota. An operator of controller-runtime 0.25.2 with 500 users and
#   10 workers, all throttled for 30 s, sent 39 requests a second in the first 10 s and 842 a second in the 5 s after.
#
# Without the product: a local server that throttles. Needs Go.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/transfer"
)

const calls = 1000

func main() {
	var requests, made, outOfQuota atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		requests.Add(1)
		answer.Header().Set("Content-Type", "application/x-amz-json-1.1")
		answer.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(answer, `{"__type": "ThrottlingException", "RetryAfterSeconds": "1"}`)
	}))
	defer server.Close()
	client := transfer.NewFromConfig(aws.Config{
		Region: "eu-central-1", BaseEndpoint: aws.String(server.URL),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	})
	var workers sync.WaitGroup
	for range 10 {
		workers.Go(func() {
			for made.Add(1) <= calls {
				_, err := client.DescribeUser(context.Background(), &transfer.DescribeUserInput{
					ServerId: aws.String("s-0123456789abcdef0"), UserName: aws.String("alice"),
				})
				if strings.Contains(err.Error(), "retry quota exceeded") {
					outOfQuota.Add(1)
				}
			}
		})
	}
	workers.Wait()
	fmt.Println("requests", requests.Load())
	fmt.Println("out-of-quota", outOfQuota.Load())
}
GO
go mod init example.invalid/finding 2>/dev/null
GOFLAGS=-mod=mod go get github.com/aws/aws-sdk-go-v2@v1.48.0 github.com/aws/aws-sdk-go-v2/service/transfer@v1.72.2 2>/dev/null
GOFLAGS=-mod=mod go build -o finding .
./finding | tee told
if awk '{ seen[$1] = $2 } END { exit !(seen["requests"] == 1100 && seen["out-of-quota"] >= 900) }' told; then
  echo "as seen on 2026-11-29"
else
  echo "behaviour has changed" >&2
  exit 1
fi
