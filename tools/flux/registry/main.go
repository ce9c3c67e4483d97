// Command registry is an OCI registry in memory, and what publishes a folder in it as `flux push artifact` does.
//
//	registry serve               prints its address, and serves until it is killed
//	registry push NAME FOLDER    NAME is address/repository:tag
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// The media types of Flux's artifacts.
const (
	config  types.MediaType = "application/vnd.cncf.flux.config.v1+json"
	content types.MediaType = "application/vnd.cncf.flux.content.v1.tar+gzip"
)

func main() {
	err := errors.New("usage: registry serve | registry push NAME FOLDER")
	switch args := os.Args[1:]; {
	case len(args) == 1 && args[0] == "serve":
		err = serve()
	case len(args) == 3 && args[0] == "push":
		err = push(args[1], args[2])
	}
	if err != nil {
		log.Fatal(err)
	}
}

func serve() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	return http.Serve(listener, registry.New(registry.Logger(log.New(io.Discard, "", 0))))
}

func push(to, folder string) error {
	reference, err := name.NewTag(to, name.Insecure)
	if err != nil {
		return err
	}
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	files := tar.NewWriter(zipped)
	if err := errors.Join(files.AddFS(os.DirFS(folder)), files.Close(), zipped.Close()); err != nil {
		return err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), config)
	image, err = mutate.Append(image, mutate.Addendum{Layer: static.NewLayer(packed.Bytes(), content)})
	if err != nil {
		return err
	}
	return remote.Write(reference, image)
}
