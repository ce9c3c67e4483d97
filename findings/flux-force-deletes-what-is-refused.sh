#!/usr/bin/env bash
# fluxcd/pkg/ssa 0.76.2 (kustomize-controller 1.9.6): what `force: true` does with an edit that the API server refuses.
#
# `force` is there for fields that cannot change: the object is deleted and made anew. But whatever the API server refuses
# as invalid (422) counts as such an edit, also a value that breaks a pattern or a limit. So a slip in a manifest deletes the
# object that was in order, and what should take its place is refused for the same reason: nothing is left.
#
#   seen 2026-11-30, fluxcd/pkg/ssa 0.76.2 with kube-apiserver 1.36.3:
#     without force: refused, the object is kept
#     with force: refused, the object is gone
#
# Without the product: a CRD of its own, whose one field is at most 3. Needs Go (the first run builds the API server and
# the program, about 8 minutes).
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$(mktemp -d)
bin=$("$root/tools/build-kube" etcd kube-apiserver kubectl)
exec {running}> >(exec "$root/tools/control-plane" "$work/cluster" >"$work/log" 2>&1)
trap 'exec {running}>&-; wait; rm -rf "$work"' EXIT
for _ in $(seq 600); do [[ -s $work/cluster/kubeconfig ]] && break; sleep 0.2; done
[[ -s $work/cluster/kubeconfig ]] || { echo "the API server did not start:"; cat "$work/log"; exit 1; }
export KUBECONFIG=$work/cluster/kubeconfig

"$bin/kubectl" apply -f - >/dev/null <<'YAML'
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.org}
spec:
  group: example.org
  scope: Namespaced
  names: {plural: things, singular: thing, kind: Thing}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties: {spec: {type: object, properties: {size: {type: integer, maximum: 3}}}}
YAML
"$bin/kubectl" wait --for=condition=Established crd/things.example.org >/dev/null

mkdir "$work/program"
cd "$work/program"
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/fluxcd/pkg/ssa"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/config"
)

func thing(size int64) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "example.org/v1", "kind": "Thing",
		"metadata": map[string]any{"name": "one", "namespace": "default"},
		"spec":     map[string]any{"size": size},
	}}
}

func main() {
	ctx := context.Background()
	cluster, err := client.New(config.GetConfigOrDie(), client.Options{})
	check(err)
	manager := ssa.NewResourceManager(cluster, nil, ssa.Owner{Field: "kustomize-controller", Group: "example.org"})
	for _, force := range []bool{false, true} {
		options := ssa.DefaultApplyOptions()
		options.Force = force
		_, err := manager.ApplyAll(ctx, []*unstructured.Unstructured{thing(2)}, options)
		check(err)
		_, refused := manager.ApplyAll(ctx, []*unstructured.Unstructured{thing(9)}, options)
		left := cluster.Get(ctx, client.ObjectKeyFromObject(thing(2)), thing(2))
		fmt.Printf("force=%t refused=%t gone=%t\n", force, refused != nil, apierrors.IsNotFound(left))
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}
GO
go mod init example.invalid/finding 2>/dev/null
GOFLAGS=-mod=mod go get github.com/fluxcd/pkg/ssa@v0.76.2 2>/dev/null
CGO_ENABLED=0 GOFLAGS=-mod=mod go build -trimpath -o finding . 2>/dev/null
told=$(./finding 2>/dev/null)
echo "$told"
if [[ $told == $'force=false refused=true gone=false\nforce=true refused=true gone=true' ]]; then
  echo "as seen on 2026-11-30"
else
  echo "behaviour has changed" >&2
  exit 1
fi
