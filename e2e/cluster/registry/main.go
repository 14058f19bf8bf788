// Package main is the registry with its images in a folder, and nothing else: its drivers for clouds bring their makers'
// libraries, which take longer to compile than all the rest.
package main

import (
	"os"

	"github.com/distribution/distribution/v3/registry"

	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
)

func main() {
	if err := registry.RootCmd.Execute(); err != nil {
		os.Exit(1)
	}
}
