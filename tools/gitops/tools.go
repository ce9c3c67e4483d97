package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/health"
	argo "github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v3/util/lua"
	flux "github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/runtime/cel"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	kstatus "sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/yaml"
)

// tools are those that judge by what we ship for them.
type tools struct {
	argo lua.ResourceHealthOverrides
	flux map[schema.GroupKind]*cel.StatusEvaluator
}

// verdict is what each tool makes of an object.
type verdict struct {
	// kstatus is sigs.k8s.io/cli-utils, which others took it from.
	kstatus string
	// flux is Flux's copy of it, which Helm 4 waits by as well.
	flux string
	// expressions are Flux's health checks as deploy/flux has them.
	expressions string
	argo        string
	waits       bool
}

func newTools(argocd, fluxFile string) (*tools, error) {
	lua, err := readArgo(argocd)
	if err != nil {
		return nil, err
	}
	expressions, err := readFlux(fluxFile)
	if err != nil {
		return nil, err
	}
	return &tools{lua, expressions}, nil
}

// readArgo reads the health scripts of a ConfigMap as Argo CD's settings do: one key per group and kind.
func readArgo(path string) (lua.ResourceHealthOverrides, error) {
	const prefix = "resource.customizations.health."
	var config struct{ Data map[string]string }
	text, err := os.ReadFile(path)
	if err == nil {
		err = yaml.Unmarshal(text, &config)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	overrides := lua.ResourceHealthOverrides{}
	for key, script := range config.Data {
		if name, found := strings.CutPrefix(key, prefix); found {
			overrides[strings.Replace(name, "_", "/", 1)] = argo.ResourceOverride{HealthLua: script}
		}
	}
	return overrides, nil
}

// readFlux reads the health check expressions of the Kustomization in a file of several objects.
func readFlux(path string) (map[schema.GroupKind]*cel.StatusEvaluator, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	evaluators := map[schema.GroupKind]*cel.StatusEvaluator{}
	for _, document := range strings.Split(string(text), "\n---\n") {
		var object struct {
			Spec struct{ HealthCheckExprs []kustomize.CustomHealthCheck }
		}
		if err := yaml.Unmarshal([]byte(document), &object); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		for _, check := range object.Spec.HealthCheckExprs {
			evaluator, err := cel.NewStatusEvaluator(&check.HealthCheckExpressions)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", path, check.Kind, err)
			}
			evaluators[schema.FromAPIVersionAndKind(check.APIVersion, check.Kind).GroupKind()] = evaluator
		}
	}
	return evaluators, nil
}

func (t *tools) judge(object *unstructured.Unstructured) (verdict, error) {
	ours, err := kstatus.Compute(object)
	if err != nil {
		return verdict{}, err
	}
	theirs, err := flux.Compute(object)
	if err != nil {
		return verdict{}, err
	}
	evaluator, found := t.flux[object.GroupVersionKind().GroupKind()]
	if !found {
		return verdict{}, fmt.Errorf("deploy/flux has no health check of %s", object.GetKind())
	}
	checked, err := evaluator.Evaluate(context.Background(), object)
	if err != nil {
		return verdict{}, err
	}
	told, err := health.GetResourceHealth(object, t.argo)
	if err != nil {
		return verdict{}, err
	}
	if told == nil {
		return verdict{}, fmt.Errorf("Argo CD tells no health of %s", object.GetKind())
	}
	waits, err := kubectlWaits(object)
	return verdict{string(ours.Status), string(theirs.Status), string(checked.Status), string(told.Status), waits}, err
}
