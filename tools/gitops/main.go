// Command gitops says what the tools of GitOps make of our objects, each by the tool's own code. It talks to no cluster.
//
//	gitops table [-write] REPOSITORY
//
// holds the recorded states of tests/gitops/states to one mapping, and to tests/gitops/table.md:
//
//	kstatus = Flux = Helm 4     Argo CD        kubectl wait --for=condition=Ready
//	Current                     Healthy        succeeds
//	InProgress                  Progressing    does not
//	Failed                      Degraded       does not
//	Terminating                 Progressing    does not
//
//	gitops diff MANIFEST LIVE OPENAPI DRY-RUN
//
// prints what Argo CD would show as out of sync, and fails where that is anything.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	err := errors.New("usage: gitops table [-write] REPOSITORY | gitops diff MANIFEST LIVE OPENAPI DRY-RUN")
	switch args := os.Args[1:]; {
	case len(args) == 2 && args[0] == "table":
		err = table(args[1], false)
	case len(args) == 3 && args[0] == "table" && args[1] == "-write":
		err = table(args[2], true)
	case len(args) == 5 && args[0] == "diff":
		var difference string
		difference, err = differs(args[1], args[2], args[3], args[4])
		if err == nil && difference != "" {
			err = errors.New(difference)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gitops:", err)
		os.Exit(1)
	}
}

func table(root string, write bool) error {
	states, err := readStates(filepath.Join(root, "tests/gitops/states"))
	if err != nil {
		return err
	}
	tools, err := newTools(filepath.Join(root, "deploy/argocd/argocd-cm.yaml"), filepath.Join(root, "deploy/flux/objects.yaml"))
	if err != nil {
		return err
	}
	table, broken, err := compare(states, tools)
	if err != nil {
		return err
	}
	for _, fault := range broken {
		fmt.Fprintln(os.Stderr, fault)
	}
	if len(broken) > 0 {
		return fmt.Errorf("the mapping is broken %d times", len(broken))
	}
	path := filepath.Join(root, "tests/gitops/table.md")
	if write {
		err = os.WriteFile(path, table, 0o644)
	} else if kept, unread := os.ReadFile(path); unread != nil || !bytes.Equal(kept, table) {
		os.Stdout.Write(table)
		err = errors.New("tests/gitops/table.md says otherwise than the tools do now: -write writes it")
	}
	if err == nil {
		fmt.Printf("%d states, one mapping\n", len(states))
	}
	return err
}
