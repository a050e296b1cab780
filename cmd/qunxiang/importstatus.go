package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/qunxiang/qunxiang/api/console"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries/dataset"
)

// Files of the domain's tmp in which data import says how far it is, to the steward's page
// inside. How far it is is about the data: nothing else reads them. Who imports holds the
// lock, so that the file of an import whose process has gone is told from that of one that
// works.
const (
	importFile = "import.json"
	importLock = "import.lock"
)

// How long an import waits for somebody who looks whether there is one, and how often it
// writes how far it is.
const (
	importWaits  = 10 * time.Second
	importWrites = time.Second
)

// importReport is what an import writes of itself.
type importReport struct {
	d    *domain
	held io.Closer
	now  console.Import
}

// reportImport begins the report of an import; dataset.ErrBusy where another one works.
func (d *domain) reportImport(ctx context.Context, binding, by string) (*importReport, error) {
	if err := os.MkdirAll(d.path("tmp"), 0o700); err != nil {
		return nil, err
	}
	for end := time.Now().Add(importWaits); ; {
		held, err := ledger.OS{}.Lock(d.path("tmp", importLock))
		if err == nil {
			r := &importReport{d: d, held: held, now: console.Import{Binding: binding, By: by, Begun: time.Now().UTC()}}
			r.tell(dataset.Progress{})
			return r, nil
		}
		if !errors.Is(err, ledger.ErrInUse) {
			return nil, err
		}
		if time.Now().After(end) {
			return nil, dataset.ErrBusy
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// tell writes how far the import is: every new stage and file, and else now and then. An
// import does not fail for its report.
func (r *importReport) tell(p dataset.Progress) {
	now := time.Now().UTC()
	if p.Stage == r.now.Stage && p.Name == r.now.Name && now.Sub(r.now.At) < importWrites && !now.Before(r.now.At) {
		return
	}
	r.now.At, r.now.Stage, r.now.Name, r.now.Done, r.now.Total = now, p.Stage, p.Name, p.Done, p.Total
	if text, err := json.Marshal(r.now); err == nil {
		_ = r.d.writeNew("tmp", importFile, text)
	}
}

// end removes the report of an import that came to its end, whichever that is. The file goes
// before the lock: whoever gets the lock and finds the file knows that the process has gone.
func (r *importReport) end() error {
	return errors.Join(removeIfThere(r.d.path("tmp", importFile)), r.held.Close())
}

// importing is the import that is under way, or the last one where that was broken off; nil
// for none.
func (d *domain) importing() (*console.Import, error) {
	text, err := os.ReadFile(d.path("tmp", importFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out := &console.Import{}
	if err := json.Unmarshal(text, out); err != nil {
		return nil, nil // no import of this program wrote it
	}
	held, err := ledger.OS{}.Lock(d.path("tmp", importLock))
	switch {
	case errors.Is(err, ledger.ErrInUse):
		return out, nil
	case err != nil:
		return nil, err
	}
	defer held.Close()
	if !exists(d.path("tmp", importFile)) { // it has ended meanwhile
		return nil, nil
	}
	out.Broken = true
	return out, nil
}
