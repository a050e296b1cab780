package main

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/child"
	"github.com/qunxiang/qunxiang/queries/duckdb"
	"github.com/qunxiang/qunxiang/queries/templates"
)

// engineArgument makes this program one of its own engine's processes. It is in no
// help: nobody but the program itself calls it.
const engineArgument = "engine"

// isEngine says whether the program was started as such a process.
func isEngine(args []string) bool { return len(args) > 1 && args[1] == engineArgument }

// engineProcess is all that such a process is.
func engineProcess(args []string) int {
	catalog := func(ref string) (*queries.Catalog, error) { return queries.LoadTemplate(templates.FS, ref) }
	return child.Worker{Catalog: catalog, Open: openWorker}.Main(args)
}

// openWorker makes the engine that answers inside of a process.
func openWorker(p child.Place) (queries.Answerer, error) {
	o := duckdb.Options{Domain: p.Domain, TempDir: p.TempDir, OptOuts: p.OptOuts}
	if o.Domain == "" {
		o.Domain = os.DevNull // there is none: orders are checked only
	}
	if p.Memory > 0 { // half for DuckDB, which has its share by worker, half for the totals and the rest
		o.Threads = int(max(1, min(int64(runtime.GOMAXPROCS(0)), p.Memory/2/workerMemory-2)))
		o.Memory = workerMemory * int64(2+o.Threads)
		debug.SetMemoryLimit(p.Memory / 3)
	}
	engine, err := duckdb.Open(o)
	if err != nil {
		return nil, err
	}
	return queries.InProcess(engine), nil
}

// engineSettings say how the engine's processes are held; the zero value is the default.
type engineSettings struct {
	Sandbox child.Mode `yaml:"sandbox"`
	Memory  int64      `yaml:"memory_mib"`
}

// newEngine makes what answers this domain's questions.
func (d *domain) newEngine() (*child.Answerer, error) {
	return child.New(context.Background(), child.Options{
		Command: []string{os.Args[0], engineArgument}, Domain: d.dir, OptOuts: d.optOuts,
		Temp:    func() (string, error) { return duckdb.NewTemp(d.path("tmp")) },
		Sandbox: d.settings.Sandbox, Memory: d.settings.Memory << 20,
	})
}

// startAudit makes the domain able to compute exact answers again, for the noise
// audit: in this process, because they are compared here and go nowhere.
func (d *domain) startAudit() error {
	if err := d.resolveOptOuts(context.Background()); err != nil {
		return err
	}
	engine, err := duckdb.Open(duckdb.Options{Domain: d.dir, TempDir: d.path("tmp"), OptOuts: d.optOuts})
	if err != nil {
		return err
	}
	d.exact = engine
	return d.makeRunner()
}

// engineLine tells operators how questions are answered.
func (d *domain) engineLine() string {
	if d.settings.Sandbox == child.Off {
		return "engine: a process for each request; sandbox: off"
	}
	return "engine: a process for each request; sandbox: " + d.engine.Sandbox().String()
}

// workerMemory is what DuckDB has for each worker.
const workerMemory = 64 << 20

// leastEngineMemory is what a process needs before it has read a row, in MiB.
const leastEngineMemory = 512
