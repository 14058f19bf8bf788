// Reads a page of metrics from standard input as Prometheus would, with Prometheus' own parser, and says what it cannot read.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
)

func main() {
	if len(os.Args) != 2 {
		fail("usage: metrics CONTENT-TYPE < PAGE")
	}
	page, err := io.ReadAll(os.Stdin)
	if err != nil {
		fail("%v", err)
	}
	if err := read(page, os.Args[1]); err != nil {
		fail("%v", err)
	}
}

// Prints each series with its value, and fails on whatever a scrape would.
func read(page []byte, contentType string) error {
	parser, err := textparse.New(page, contentType, "", false, false, false, labels.NewSymbolTable())
	if err != nil {
		return err
	}
	for {
		entry, err := parser.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if entry == textparse.EntrySeries {
			series, _, value := parser.Series()
			fmt.Printf("%s %v\n", series, value)
		}
	}
}

func fail(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, "metrics: "+format+"\n", arguments...)
	os.Exit(1)
}
