package main

import (
	"context"
	"fmt"
	"os"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/diff"
	openapi "github.com/google/gnostic-models/openapiv2"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/kube-openapi/pkg/util/proto"
	"sigs.k8s.io/yaml"
)

// manager is what Argo CD calls itself where it applies server-side.
const manager = "argocd-controller"

// differs says what Argo CD's engine would show as out of sync between a manifest and the live object; nothing where the
// two are in sync. The files come from a cluster: /openapi/v2, and what a dry run of a server-side apply answers.
func differs(manifest, live, schema, dryRun string) (string, error) {
	config, err := readObject(manifest)
	if err != nil {
		return "", err
	}
	stored, err := readObject(live)
	if err != nil {
		return "", err
	}
	parser, err := readSchema(schema)
	if err != nil {
		return "", err
	}
	ways := []struct {
		name    string
		options []diff.Option
	}{
		// By the annotation of a client-side apply where there is one, else the two alone.
		{"three-way", nil},
		{"structured merge", []diff.Option{diff.WithStructuredMergeDiff(true)}},
		{"server-side", []diff.Option{diff.WithServerSideDiff(true), diff.WithServerSideDryRunner(answered(dryRun))}},
	}
	for _, way := range ways {
		options := append(way.options, diff.WithGVKParser(parser), diff.WithManager(manager))
		result, err := diff.Diff(config.DeepCopy(), stored.DeepCopy(), options...)
		if err != nil {
			return "", fmt.Errorf("%s: %w", way.name, err)
		}
		if result.Modified {
			return fmt.Sprintf("%s: live %s\npredicted %s", way.name, result.NormalizedLive, result.PredictedLive), nil
		}
	}
	return "", nil
}

// answered is a file with the answer of a dry run.
type answered string

func (a answered) Run(context.Context, *unstructured.Unstructured, string) (string, error) {
	text, err := os.ReadFile(string(a))
	return string(text), err
}

func readObject(path string) (*unstructured.Unstructured, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	text, err = yaml.YAMLToJSON(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	object := &unstructured.Unstructured{}
	return object, object.UnmarshalJSON(text)
}

func readSchema(path string) (*managedfields.GvkParser, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	document, err := openapi.ParseDocument(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	models, err := proto.NewOpenAPIData(document)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return managedfields.NewGVKParser(models, false)
}
