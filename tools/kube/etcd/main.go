// Command etcd is etcd itself. Its module keeps the main function apart from the server's module, which is the one
// that Kubernetes already depends on; three lines spare a second set of dependencies.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() {
	etcdmain.Main(os.Args)
}
