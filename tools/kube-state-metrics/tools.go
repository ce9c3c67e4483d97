//go:build tools

// Package tools names the program that tools/build-kube-state-metrics builds, so that `go mod tidy` keeps what it needs.
package tools

import (
	_ "k8s.io/kube-state-metrics/v2"
)
