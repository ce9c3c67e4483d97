package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// The fewest states that say something about the mapping.
const fewest = 40

// state is an object as the operator left it, and what tells its state from others.
type state struct {
	name   string
	object *unstructured.Unstructured
}

// readStates reads files of several objects, each under a comment with the name of its state.
func readStates(directory string) ([]state, error) {
	files, err := filepath.Glob(filepath.Join(directory, "*.yaml"))
	if err != nil {
		return nil, err
	}
	sort.Strings(files)
	var states []state
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for _, document := range strings.Split(string(text), "\n---\n") {
			read, err := readState(document)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			states = append(states, read)
		}
	}
	if len(states) < fewest {
		return nil, fmt.Errorf("%s holds %d states, and %d are the fewest", directory, len(states), fewest)
	}
	return states, nil
}

func readState(document string) (state, error) {
	first, body, _ := strings.Cut(strings.TrimPrefix(document, "---\n"), "\n")
	name, found := strings.CutPrefix(first, "# ")
	if !found {
		return state{}, fmt.Errorf("no name before %q", first)
	}
	// By way of JSON, so that numbers are those that a client of Kubernetes reads.
	text, err := yaml.YAMLToJSON([]byte(body))
	if err != nil {
		return state{}, fmt.Errorf("%s: %w", name, err)
	}
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(text); err != nil {
		return state{}, fmt.Errorf("%s: %w", name, err)
	}
	return state{name, object}, nil
}
