#!/usr/bin/env bash
# kube-apiserver 1.36.3: what a tightened validation rule of a CRD does to an object that was stored before it.
#
# Ratcheting (on by default) spares an unchanged field that breaks a newer rule. A rule at the root of the schema is
# about the whole object, and every write changes metadata.resourceVersion at least: so it is never spared. Not only an
# edit is refused then, but also a label, a write of /status, and the removal of a finalizer: the object can no longer
# end. The same rule one level down, at `spec`, refuses only writes that touch spec.
#
#   seen 2026-11-28, kube-apiserver 1.36.3 and etcd 3.6.12, built from their Go modules:
#     rule at spec: label ok, status ok, finalizer removed
#     rule at root: label refused, status refused, finalizer kept
#
# Without the product: a CRD of its own. Needs Go (the first run builds the API server, about 5 minutes) and python3.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$(mktemp -d)
bin=$("$root/tools/build-kube" etcd kube-apiserver kubectl)
exec {running}> >(exec "$root/tools/control-plane" "$work/cluster" >"$work/log" 2>&1)
trap 'exec {running}>&-; wait; rm -rf "$work"' EXIT
for _ in $(seq 300); do [[ -s $work/cluster/kubeconfig ]] && break; sleep 0.2; done
[[ -s $work/cluster/kubeconfig ]] || { echo "the API server did not start:"; cat "$work/log"; exit 1; }
k() { "$bin/kubectl" --kubeconfig "$work/cluster/kubeconfig" "$@"; }

# A CRD of kind $1 whose rule stands at $2 (spec, root or nowhere).
crd() {
  local rule='x-kubernetes-validations: [{rule: "%s", message: "size is at most 3"}],' at_root='' at_spec=''
  # shellcheck disable=SC2059
  [[ $2 != root ]] || at_root=$(printf "$rule" 'self.spec.size <= 3')
  # shellcheck disable=SC2059
  [[ $2 != spec ]] || at_spec=$(printf "$rule" 'self.size <= 3')
  cat <<YAML
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: ${1}s.example.org}
spec:
  group: example.org
  scope: Namespaced
  names: {plural: ${1}s, singular: $1, kind: ${1^}}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        $at_root
        properties:
          spec: {type: object, $at_spec properties: {size: {type: integer}}}
          status: {type: object, properties: {seen: {type: boolean}}}
YAML
}

# The root's rule stands in block style.
apply_crd() { crd "$1" "$2" | sed -E 's/^( +)(x-kubernetes-validations: .*),$/\1\2/' | k apply -f - >/dev/null; }

try() { if "$@" >/dev/null 2>&1; then echo yes; else echo no; fi; }

failed=0
for at in spec root; do
  kind=at$at
  apply_crd "$kind" nowhere
  k wait --for=condition=Established "crd/${kind}s.example.org" >/dev/null
  object="{apiVersion: example.org/v1, kind: ${kind^}, metadata: {name: old, finalizers: [example.org/hold]}, spec: {size: 9}}"
  for _ in $(seq 50); do echo "$object" | k apply -f - >/dev/null 2>&1 && break; sleep 0.2; done
  apply_crd "$kind" "$at"
  # Until the tightened schema is in force.
  for _ in $(seq 100); do
    echo "${object/old/probe}" | k apply --dry-run=server -f - >/dev/null 2>&1 || break
    sleep 0.2
  done
  label=$(try k label "$kind/old" touched=yes)
  status=$(try k patch "$kind/old" --subresource=status --type=merge -p '{"status":{"seen":true}}')
  finalizer=$(try k patch "$kind/old" --type=json -p '[{"op":"remove","path":"/metadata/finalizers"}]')
  echo "rule at $at: label $label, status $status, finalizer removed $finalizer"
  expected=yes
  [[ $at != root ]] || expected=no
  [[ "$label $status $finalizer" == "$expected $expected $expected" ]] || failed=1
done
((failed == 0)) && echo "as seen on 2026-11-28" || { echo "behaviour has changed"; exit 1; }
