#!/usr/bin/env bash
# kstatus of fluxcd/cli-utils 1.2.2 (Go), by which Helm 4.3.1 `--wait`, Flux and others judge custom resources.
#
# One would expect: an object without any status is in progress: its controller has not seen it yet. And a Ready=True whose own
# observedGeneration is behind the object's is an old word.
# What happens: both count as Current, which is done. The generation is compared at the status' top level only; what the
# conditions say of theirs, as the API conventions have it, is not looked at. Ready=False is in progress, whatever its
# reason: what fails for good has to say Stalled=True to be taken for failed.
#
# Seen on 2026-11-28, objects of generation 2:
#   no status: Current                                  Ready=True that observed 1: Current
#   Ready=True, observedGeneration 1 at the top: InProgress
#   Ready=False, reason Failed: InProgress              Stalled=True: Failed
. "$(dirname "$(readlink -f "$0")")/lib/finding.sh"

needs go golang
mkdir program
cat >program/main.go <<'GO'
package main

import (
	"fmt"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type fields = map[string]any

func condition(kind, value, reason string) fields {
	return fields{"type": kind, "status": value, "reason": reason, "message": "m", "observedGeneration": int64(1)}
}

func main() {
	for _, object := range []struct {
		name   string
		status fields
	}{
		{"no status", nil},
		{"old Ready", fields{"conditions": []any{condition("Ready", "True", "Done")}}},
		{"old top", fields{"observedGeneration": int64(1), "conditions": []any{condition("Ready", "True", "Done")}}},
		{"not Ready", fields{"conditions": []any{condition("Ready", "False", "Failed")}}},
		{"stalled", fields{"conditions": []any{condition("Ready", "False", "Failed"), condition("Stalled", "True", "Failed")}}},
	} {
		thing := fields{
			"apiVersion": "example.com/v1",
			"kind":       "Thing",
			"metadata":   fields{"name": "a", "namespace": "default", "generation": int64(2)},
			"spec":       fields{},
		}
		if object.status != nil {
			thing["status"] = object.status
		}
		result, err := status.Compute(&unstructured.Unstructured{Object: thing})
		if err != nil {
			panic(err)
		}
		fmt.Printf("%s: %s\n", object.name, result.Status)
	}
}
GO
(
  cd program
  export GOFLAGS=-mod=mod GOWORK=off
  go mod init example.com/finding
  go get github.com/fluxcd/cli-utils@v1.2.2 k8s.io/apimachinery@v0.36.2
  CGO_ENABLED=0 go build -o ../kstatus .
) >log 2>&1 || { tail -n 3 log; untried "go get github.com/fluxcd/cli-utils@v1.2.2"; }
version cli-utils v1.2.2 "$(go version -m kstatus | awk '$2 == "github.com/fluxcd/cli-utils" { print $3 }')"

./kstatus >said
of() { sed -n "s/^$1: //p" said; }
sees "no status at all" Current "$(of 'no status')"
sees "Ready=True, its own observedGeneration behind" Current "$(of 'old Ready')"
sees "Ready=True, the top's observedGeneration behind" InProgress "$(of 'old top')"
sees "Ready=False, reason Failed" InProgress "$(of 'not Ready')"
sees "Stalled=True beside it" Failed "$(of 'stalled')"
