//go:build tools

// Package tools names the program that tools/build-policy builds, so that `go mod tidy` keeps what it needs.
package tools

import (
	_ "github.com/zegl/kube-score/cmd/kube-score"
)
