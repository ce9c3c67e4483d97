package main

import (
	"bytes"
	"fmt"
)

// healths is the mapping.
var healths = map[string]string{
	"Current":     "Healthy",
	"InProgress":  "Progressing",
	"Failed":      "Degraded",
	"Terminating": "Progressing",
}

// compare asks every tool about every state. It returns the table, and what is not as the mapping says.
func compare(states []state, tools *tools) ([]byte, []string, error) {
	var table bytes.Buffer
	var broken []string
	table.WriteString("<!-- Written by tools/gitops, which compares it too. -->\n\n")
	table.WriteString("| State | kstatus, Flux, Helm 4 | Argo CD | `kubectl wait` |\n|---|---|---|---|\n")
	met := map[string]int{}
	for _, state := range states {
		verdict, err := tools.judge(state.object)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", state.name, err)
		}
		for _, fault := range verdict.faults() {
			broken = append(broken, fmt.Sprintf("%s: %s", state.name, fault))
		}
		met[verdict.kstatus]++
		word := map[bool]string{true: "succeeds", false: "waits"}[verdict.waits]
		fmt.Fprintf(&table, "| %s | %s | %s | %s |\n", state.name, verdict.kstatus, verdict.argo, word)
	}
	for status := range healths {
		if met[status] == 0 {
			broken = append(broken, "no state is "+status)
		}
	}
	return table.Bytes(), broken, nil
}

func (v verdict) faults() []string {
	var faults []string
	say := func(wrong bool, who, what string) {
		if wrong {
			faults = append(faults, fmt.Sprintf("kstatus says %s, %s says %s", v.kstatus, who, what))
		}
	}
	say(v.flux != v.kstatus, "Flux's kstatus", v.flux)
	// Flux asks the expressions of what it applies, and waits for the end of what it prunes by its kstatus.
	say(v.expressions != v.kstatus && v.kstatus != "Terminating", "deploy/flux", v.expressions)
	say(v.expressions == "Current" && v.kstatus == "Terminating", "deploy/flux", v.expressions)
	say(v.argo != healths[v.kstatus], "Argo CD", v.argo)
	say(v.waits != (v.kstatus == "Current"), "kubectl wait", fmt.Sprint(v.waits))
	return faults
}
