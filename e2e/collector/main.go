// The OpenTelemetry Collector, of the parts that a test looks through: OTLP over gRPC comes in at a free port of loopback, whose
// number is the first line that is written, once it listens, and each batch of spans goes out as one line of OTLP in JSON.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/yamlprovider"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/service/telemetry/otelconftelemetry"
)

const configuration = `yaml:{
  receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:%d"}}}},
  exporters: {lines: {}},
  service: {
    telemetry: {metrics: {level: none}},
    pipelines: {traces: {receivers: [otlp], exporters: [lines]}},
  },
}`

func main() {
	port := freePort()
	collector, err := otelcol.NewCollector(otelcol.CollectorSettings{
		BuildInfo: component.NewDefaultBuildInfo(),
		Factories: factories,
		ConfigProviderSettings: otelcol.ConfigProviderSettings{ResolverSettings: confmap.ResolverSettings{
			URIs:              []string{fmt.Sprintf(configuration, port)},
			ProviderFactories: []confmap.ProviderFactory{yamlprovider.NewFactory()},
		}},
	})
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		for collector.GetState() != otelcol.StateRunning {
			time.Sleep(10 * time.Millisecond)
		}
		fmt.Println(port)
	}()
	if err := collector.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func factories() (otelcol.Factories, error) {
	receivers, err := otelcol.MakeFactoryMap[receiver.Factory](otlpreceiver.NewFactory())
	if err != nil {
		return otelcol.Factories{}, err
	}
	exporters, err := otelcol.MakeFactoryMap(lines())
	return otelcol.Factories{Receivers: receivers, Exporters: exporters, Telemetry: otelconftelemetry.NewFactory()}, err
}

// Writes what comes to standard output.
func lines() exporter.Factory {
	none := func() component.Config { return &struct{}{} }
	create := func(context.Context, exporter.Settings, component.Config) (exporter.Traces, error) {
		return writer{os.Stdout}, nil
	}
	return exporter.NewFactory(component.MustNewType("lines"), none,
		exporter.WithTraces(create, component.StabilityLevelStable))
}

type writer struct{ to io.Writer }

func (writer) Start(context.Context, component.Host) error { return nil }
func (writer) Shutdown(context.Context) error              { return nil }
func (writer) Capabilities() consumer.Capabilities         { return consumer.Capabilities{} }

func (w writer) ConsumeTraces(_ context.Context, spans ptrace.Traces) error {
	line, err := (&ptrace.JSONMarshaler{}).MarshalTraces(spans)
	if err != nil {
		return err
	}
	_, err = w.to.Write(append(line, '\n'))
	return err
}

func freePort() int {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}
