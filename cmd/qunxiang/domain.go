package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/child"
	"github.com/qunxiang/qunxiang/queries/dataset"
	"github.com/qunxiang/qunxiang/queries/duckdb"
	"github.com/qunxiang/qunxiang/queries/templates"
)

// mode says what a command needs of a domain.
type mode int

const (
	reading mode = iota // no lock: estimates and lists, beside a running server
	writing             // the one writing process
)

// domain is an opened data domain: the one place where the adapters meet.
type domain struct {
	dir     string
	keys    *keys
	inForce policy.InForce
	catalog *queries.Catalog
	state   *ledger.State
	ledger  *ledger.Ledger  // nil when reading
	engine  *child.Answerer // nil until asked for
	exact   *duckdb.Engine  // of the noise audit; nil until asked for
	runner  *queries.Runner

	successors successors  // of its keys
	outside    *outsideLog // nil for none

	log     io.Writer   // where a server is told of witnesses; nil: nowhere
	waiting error       // why policy.yaml is not in force; nil where it is, or that is not known
	pending atomic.Bool // whether it is not, while the domain is served

	maxRuns, maxInFlight int // of a server; 0: the Runner's own
	settings             engineSettings
	coordinator          string // of a server: the directory of a coordinator on this machine, "" for none
	vouched              bool   // nobody outside needs to be met before the log is written to
}

func (d *domain) path(parts ...string) string {
	return filepath.Join(append([]string{d.dir}, parts...)...)
}

var errNoDomain = errors.New("there is no domain here; qunxiang data synth or data import makes one")

// openDomain opens an existing domain.
func openDomain(ctx context.Context, dir string, m mode) (*domain, error) {
	return (&domain{dir: dir}).open(ctx, m)
}

func (d *domain) open(ctx context.Context, m mode) (*domain, error) {
	dir := d.dir
	begun, err := d.begun()
	if err != nil {
		return nil, err
	}
	if !begun {
		return nil, fmt.Errorf("%s: %w", dir, errNoDomain)
	}
	if d.catalog, err = queries.LoadCatalog(templates.FS); err != nil {
		return nil, err
	}
	if err = haveKeys(dir); err != nil {
		return nil, err
	}
	if d.keys, err = loadKeys(d.path("keys")); err != nil {
		return nil, err
	}
	if m == reading {
		err = d.readLedger()
	} else {
		err = d.openLedger(ctx)
	}
	if err != nil {
		return nil, err
	}
	if err := d.makeRunner(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// readLedger reads the log, and the policy that is in force by it.
func (d *domain) readLedger() (err error) {
	if d.state, err = readLog(d.dir); err != nil {
		return fmt.Errorf("%s: %w", d.path("ledger"), err)
	}
	wanted, err := d.proposed()
	if err != nil {
		return err
	}
	d.waiting = wanted.broken
	p, err := d.policyInForce(wanted.Policy)
	if err != nil {
		return err
	}
	d.inForce.Put(p)
	return nil
}

// ledgerOptions are those of the domain's log; only a new domain may create it.
func (d *domain) ledgerOptions(create bool) (ledger.Options, error) {
	o := ledger.Options{Dir: d.path("ledger"), Create: create, Population: d.keys.person.Population(), Signer: d.keys.log, Fatal: stopOnFault}
	if d.keys.sm2 != nil {
		o.Second = func(head [32]byte) note.Signer { return d.keys.sm2.WithHead(head) }
	}
	o.SecondLost = o.Second == nil
	all, err := keyUses[0].publicKeys(d.dir)
	if err != nil {
		return o, err
	}
	if o.Signer == nil {
		if len(all) == 0 {
			return o, fmt.Errorf("%s is missing", d.path(logKeyFile))
		}
		o.Lost = all[0]
	}
	o.Next, _, err = d.waitingSigners()
	if !create && len(all) > 0 {
		o.Known = all
	}
	return o, err
}

// openLedger takes the domain's lock and puts its policy in force, or what waits for
// approvals and has them by now.
func (d *domain) openLedger(ctx context.Context) (err error) {
	if err := os.MkdirAll(d.path("tmp"), 0o700); err != nil { // a copy may leave empty folders out
		return err
	}
	if err := d.addPublicKeys(); err != nil {
		return err
	}
	if d.state, err = readLog(d.dir); err != nil {
		return fmt.Errorf("%s: %w", d.path("ledger"), err)
	}
	if _, err := d.proposed(); err != nil { // before a lock is taken for nothing
		return err
	}
	o, err := d.ledgerOptions(false)
	if err != nil {
		return err
	}
	d.outside = d.outsideLog()
	o.Witness, o.Vouched = d.outside, d.vouched
	l, err := ledger.Open(o)
	if err != nil {
		return fmt.Errorf("%s: %w", d.path("ledger"), err)
	}
	d.ledger, d.state = l, l.State
	waiting, err := d.enforcePolicy(ctx)
	if err == nil {
		err = d.settle(ctx, io.Discard)
	}
	if err == nil {
		err = errors.Join(d.promote(), d.sweep(), d.settleOptOuts(ctx))
	}
	if err != nil {
		return errors.Join(err, l.Close())
	}
	d.waiting = waiting
	return nil
}

// stopOnFault ends the process: after a failed write or fsync nobody knows what
// the disk holds, and the next start reads it afresh.
func stopOnFault(err error) {
	fmt.Fprintln(os.Stderr, "qunxiang: stopped, for the disk cannot be trusted until it is read afresh:", err)
	os.Exit(exitFailed)
}

// optOuts are the people whom the runs of an epoch leave out.
func (d *domain) optOuts(epoch int64) ([][16]byte, error) {
	keys, err := dataset.OptOuts(d.dir, epoch)
	out := make([][16]byte, len(keys))
	for i, k := range keys {
		out[i] = k
	}
	return out, err
}

// askNewest runs f on the newest snapshot, if there is one.
func (d *domain) askNewest(ctx context.Context, f func(*sql.DB) error) error {
	if len(d.state.Snapshots()) == 0 {
		return nil
	}
	m, err := d.newest()
	if err != nil {
		return err
	}
	db, err := duckdb.OpenSnapshot(ctx, duckdb.SnapshotOptions{Path: dataset.DataPath(d.dir, m.ID)})
	if err != nil {
		return err
	}
	return errors.Join(f(db), db.Close())
}

// resolveOptOuts finds the people whose aliases are registered in the newest snapshot. It
// runs at the start, and after each registration; see putInUse for a snapshot that is new.
func (d *domain) resolveOptOuts(ctx context.Context) error {
	if d.nobodyOptedOut() {
		return nil
	}
	return d.askNewest(ctx, func(db *sql.DB) error { return dataset.ResolveOptOuts(ctx, d.dir, db) })
}

func (d *domain) nobodyOptedOut() bool {
	info, err := os.Stat(dataset.OptOutPath(d.dir))
	return errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0
}

// logKey is the public key that checks the next checkpoint, "" where that is not known.
func (d *domain) logKey() string {
	if d.state != nil {
		if key := d.state.SigningKey("log", "ed25519"); key != "" {
			return key
		}
	}
	if key := keyUses[0].public(d.keys); key != "" {
		return key
	}
	all, err := keyUses[0].publicKeys(d.dir)
	if err != nil || len(all) == 0 {
		return ""
	}
	return all[0]
}

func (d *domain) makeRunner() error {
	o := queries.Options{
		Catalog: d.catalog, Policy: d.policy(), State: d.state, Ledger: d.ledger,
		Store:  releaseStore{d.path("releases")},
		Source: d.source, Epoch: dataset.Epoch, Secret: d.keys.request,
		Sign: receiptSigner{d}, SignSM2: receiptSM2Signer{d}, MaxRuns: d.maxRuns, MaxInFlight: d.maxInFlight,
		Fatal: stopOnFault,
	}
	if d.engine != nil { // a nil pointer would make an Answerer that is not nil
		o.Answerer = d.engine
	}
	if d.exact != nil {
		o.Engine = d.exact
	}
	var err error
	d.runner, err = queries.NewRunner(o)
	return err
}

// startEngine makes the domain able to run questions, not only to price them.
func (d *domain) startEngine() error {
	if err := d.resolveOptOuts(context.Background()); err != nil {
		return err
	}
	engine, err := d.newEngine()
	if err != nil {
		return err
	}
	d.engine = engine
	if all := d.state.Snapshots(); len(all) > 0 {
		newest := all[len(all)-1]
		if _, err := dataset.Load(d.dir, newest); err != nil {
			return d.makeRunner() // restored without its data: what was answered is handed out, and no more
		}
		if err := engine.Try(context.Background(), newest); err != nil {
			return err
		}
	}
	return d.makeRunner()
}

// source reads the public facts of a snapshot from its manifest.
func (d *domain) source(id string) (queries.Source, error) {
	m, err := dataset.Load(d.dir, id)
	if err != nil {
		return queries.Source{}, err
	}
	return queries.Source{Snapshot: id, MaxRows: m.MostRows(), Facts: m.Facts, Currency: m.Currency}, nil
}

// Close lets running requests end at their slots and gives the lock back.
func (d *domain) Close() error {
	var errs []error
	if d.runner != nil {
		d.runner.Close()
	}
	if d.engine != nil {
		errs = append(errs, d.engine.Close())
	}
	if d.exact != nil {
		errs = append(errs, d.exact.Close())
	}
	if d.ledger != nil {
		errs = append(errs, d.ledger.Close(), d.promote())
	}
	return errors.Join(errs...)
}

// errRemains refuses a new domain where an old one was: its budget is spent.
var errRemains = errors.New("policy.yaml is missing, but there are snapshots or releases: this is what remains of a domain, and no place for a new one")

// remains looks whether there was a domain here, before anything is made.
func (d *domain) remains() error {
	for _, sub := range []string{"snapshots", "releases"} {
		held, err := os.ReadDir(d.path(sub))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if len(held) > 0 {
			return fmt.Errorf("%s: %w", d.dir, errRemains)
		}
	}
	return nil
}

// beginLog makes the empty log of a new domain. It comes before the policy, so
// that a domain with a policy and no log has always lost it.
func (d *domain) beginLog() error {
	o, err := d.ledgerOptions(true)
	if err != nil {
		return err
	}
	l, err := ledger.Open(o)
	if err != nil {
		return err
	}
	return l.Close()
}

// newDomain makes an evaluation domain: keys, an empty log, and a policy with
// ready-made principals and grants. It is locked when it returns.
func newDomain(ctx context.Context, dir string, public declared) (*domain, error) {
	catalog, err := queries.LoadCatalog(templates.FS)
	if err != nil {
		return nil, err
	}
	d := &domain{dir: dir, catalog: catalog}
	if err := d.remains(); err != nil {
		return nil, err
	}
	for _, sub := range []string{"", "keys", "releases", "snapshots", "tmp"} {
		if err := os.MkdirAll(d.path(sub), 0o700); err != nil {
			return nil, err
		}
	}
	if d.keys, err = loadKeys(d.path("keys")); err != nil {
		return nil, err
	}
	if err := d.beginLog(); err != nil {
		return nil, err
	}
	offers := []policy.Offer{}
	for _, t := range everyTemplate(catalog) {
		offers = append(offers, policy.Offer{Template: t.Ref(), Audiences: t.Audiences, Purposes: t.Purposes})
	}
	text := policy.Evaluation(policy.EvaluationOptions{
		Population: d.keys.person.Population(), PublicPeople: public.people, PublicWindow: public.window, Offers: offers, Until: time.Now().AddDate(1, 0, 0),
	})
	if err := writeDurably(d.path("policy.yaml"), text, 0o600); err != nil {
		return nil, err
	}
	if err := d.addPublicKeys(); err != nil {
		return nil, err
	}
	return openDomain(ctx, dir, writing)
}
