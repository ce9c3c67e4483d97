#!/usr/bin/env bash
# controller-runtime 0.25.2: whether an edit overtakes the periodic rechecks that a controller asks for by RequeueAfter.
#
# The priority queue (the default since 0.23) puts the objects of a start behind edits, which is what one switches it on
# for. But `Result.RequeueAfter` gives an object back with the priority that it was taken out with, and an object that was
# once created or edited while the process ran was taken out with that of an edit. So the rechecks of such objects are as
# urgent as any edit, for as long as the process lives: an edit waits behind all that are due. After a restart the same
# objects come from the first list, their rechecks have low priority, and edits overtake all of them.
#
#   seen 2026-11-29, controller-runtime 0.25.2: 200 objects, one worker, all due again before their turn can come. Before the
#   turn of an edited object came 1 recheck (the one in work) where the objects are from the first list, 190 where they were
#   created one by one, and 1 where the reconciler sets `Result.Priority` beside RequeueAfter.
#
# Without the product and without an API server: the library's own controller, queue and event handler. Needs Go.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

const objects = 200

// How many rechecks come between an edit and the turn of the edited object.
func overtaken(firstList bool, priority *int) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	object := func(number int, version string) *corev1.ConfigMap {
		return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("object-", number), ResourceVersion: version}}
	}
	var lock sync.Mutex
	runs, waited := 0, -1
	var queue workqueue.TypedRateLimitingInterface[reconcile.Request]
	var events handler.EventHandler = handler.WithLowPriorityWhenUnchanged(&handler.EnqueueRequestForObject{})
	edited, editedAt := "", 0
	done := make(chan struct{})
	name := fmt.Sprint(firstList, priority != nil)
	c, err := controller.NewUnmanaged(name, controller.Options{
		Reconciler: reconcile.Func(func(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
			time.Sleep(5 * time.Millisecond)
			lock.Lock()
			defer lock.Unlock()
			runs++
			switch {
			case edited == "" && runs == 2*objects: // all had a turn, and all but the last ones are due again
				edited, editedAt = request.Name, runs
				number := 0
				fmt.Sscanf(edited, "object-%d", &number)
				old, next := object(number, "1"), object(number, "2")
				time.AfterFunc(time.Millisecond, func() {
					events.Update(ctx, event.UpdateEvent{ObjectOld: old, ObjectNew: next}, queue)
				})
			case edited == request.Name && waited < 0:
				waited = runs - editedAt - 1
				close(done)
			}
			return reconcile.Result{RequeueAfter: 50 * time.Millisecond, Priority: priority}, nil
		}),
	})
	check(err)
	check(c.Watch(source.Func(func(ctx context.Context, q workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
		queue = q
		for number := range objects {
			var created client.Object = object(number, "1")
			events.Create(ctx, event.CreateEvent{Object: created, IsInInitialList: firstList}, q)
		}
		return nil
	})))
	go c.Start(ctx)
	<-done
	return waited
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	low := handler.LowPriority
	fmt.Println("first-list", overtaken(true, nil))
	fmt.Println("created", overtaken(false, nil))
	fmt.Println("created-with-priority", overtaken(false, &low))
}
GO
go mod init example.invalid/finding 2>/dev/null
GOFLAGS=-mod=mod go get sigs.k8s.io/controller-runtime@v0.25.2 k8s.io/api@v0.37.2 k8s.io/apimachinery@v0.37.2 k8s.io/client-go@v0.37.2 2>/dev/null
GOFLAGS=-mod=mod go build -o finding .
./finding 2>/dev/null | tee told
if awk '{ seen[$1] = $2 } END { exit !(seen["first-list"] <= 5 && seen["created"] >= 100 && seen["created-with-priority"] <= 5) }' told; then
  echo "as seen on 2026-11-29"
else
  echo "behaviour has changed" >&2
  exit 1
fi
