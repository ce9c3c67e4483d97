//go:build tools

// Package flux keeps the programs that tools/build-gitops builds from this module in its go.mod.
package flux

import (
	_ "github.com/fluxcd/helm-controller"
	_ "github.com/fluxcd/kustomize-controller"
	_ "github.com/fluxcd/source-controller"
)
