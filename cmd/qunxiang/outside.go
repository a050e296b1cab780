package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/policy/witness"
)

// witnessesFile says, in a domain's folder, where the witnesses of its policy are reached.
const witnessesFile = "witnesses.yaml"

// reached is witnesses.yaml.
type reached struct {
	Witnesses []reachedWitness `yaml:"witnesses"`
	// Outside is a file on another disk that keeps a copy of the newest checkpoint.
	Outside string `yaml:"outside"`
}

// reachedWitness is where the witness with a key is.
type reachedWitness struct {
	Key string `yaml:"key"`
	URL string `yaml:"url"`
}

// outsideLog keeps the newest checkpoint outside the domain's disk: at the witnesses that
// the ledger asks for, which are those of the policy in force and, once more, those that it
// retires; and beside them in a file elsewhere. witnesses.yaml is read anew
// where it changed, and other witnesses are asked as soon as the ledger wants them.
type outsideLog struct {
	file   string // witnesses.yaml
	origin string
	keys   func() (own, waiting []string, err error) // of the log
	say    func(name string, err error)

	mu     sync.Mutex
	text   []byte // of the file when quorum was made
	by     ledger.Witnesses
	quorum *witness.Quorum // nil for none
	short  error           // why there is none, though by asks for one
	differ string          // how the file differs from by
	signed string          // the log's own checkpoint, "" for none
	copy   string          // "" for none
	more   []string        // keys of the log that were taken in since
}

// know takes in a further key of the log: witnesses may show a checkpoint by any.
func (o *outsideLog) know(key string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.more = append(o.more, key)
	if o.quorum == nil {
		return nil
	}
	return o.quorum.Know(key)
}

// outsideLog is where the newest checkpoint is kept outside.
func (d *domain) outsideLog() *outsideLog {
	return &outsideLog{file: d.path(witnessesFile), origin: d.keys.person.Population(), keys: d.ownKeys, say: d.say, signed: d.path("ledger", "checkpoint")}
}

// ownKeys are the log's keys, and those that wait to sign it.
func (d *domain) ownKeys() (own, waiting []string, err error) {
	if own, err = keyUses[0].publicKeys(d.dir); err == nil {
		_, waiting, err = d.waitingSigners()
	}
	return own, waiting, err
}

// readWitnesses reads a witnesses.yaml; nil where there is none.
func readWitnesses(path string) (*reached, error) {
	text, file, err := (&outsideLog{file: path}).read()
	if err != nil || text == nil {
		return nil, err
	}
	return &file, nil
}

// read is witnesses.yaml as it stands; no file is one that names nobody.
func (o *outsideLog) read() (text []byte, file reached, err error) {
	text, err = os.ReadFile(o.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, file, nil
	}
	if err == nil {
		err = strictYAML(o.file, "a list of witnesses", text, &file)
	}
	return text, file, err
}

// asks makes ready to ask the witnesses by, and says where the file falls short of them.
func (o *outsideLog) asks(by ledger.Witnesses) error {
	text, file, err := o.read()
	if err != nil {
		return err
	}
	if (o.quorum != nil || o.short != nil) && bytes.Equal(text, o.text) && reflect.DeepEqual(by, o.by) {
		return o.short
	}
	o.text, o.by, o.copy, o.short, o.differ = text, by, file.Outside, nil, ""
	if o.quorum != nil {
		o.quorum.Close()
		o.quorum = nil
	}
	if by.Quorum == 0 {
		return nil
	}
	o.differ = file.against(by)
	var clients []*witness.Client
	for _, w := range file.Witnesses {
		if !contains(by.Keys, w.Key) {
			continue
		}
		c, err := witness.NewClient(witness.ClientOptions{URL: w.URL, Key: strings.TrimSpace(w.Key)})
		if err != nil {
			return fmt.Errorf("%s: %w", o.file, err)
		}
		clients = append(clients, c)
	}
	if int64(len(clients)) < by.Quorum {
		o.short = errors.New(o.differ)
		return o.short
	}
	o.quorum, err = o.quorumOf(witness.QuorumOptions{Witnesses: clients, Quorum: int(by.Quorum), Of: len(by.Keys), Say: o.say})
	return err
}

// quorumOf asks witnesses about this log, whichever of its keys signed it.
func (o *outsideLog) quorumOf(options witness.QuorumOptions) (*witness.Quorum, error) {
	own, waiting, err := o.keys()
	if err != nil {
		return nil, err
	}
	options.Keys, options.Origin = own, o.origin
	q, err := witness.NewQuorum(options)
	if err != nil {
		return nil, err
	}
	for _, key := range slices.Concat(waiting, o.more) {
		if err := q.Know(key); err != nil {
			return nil, err
		}
	}
	return q, nil
}

// others are what those of witnesses.yaml know whom the policy does not name: witnesses of
// before, or of a policy that this disk has never heard of. They count for no quorum, and
// nobody waits long for them, but what the log's own key signed is a proof whoever shows it.
func (o *outsideLog) others(ctx context.Context, by ledger.Witnesses) (known [][]byte) {
	_, file, err := o.read()
	if err != nil {
		return nil // asks has said so
	}
	ctx, cancel := context.WithTimeout(ctx, otherPatience)
	defer cancel()
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, w := range file.Witnesses {
		if contains(by.Keys, w.Key) {
			continue
		}
		c, err := witness.NewClient(witness.ClientOptions{URL: w.URL, Key: strings.TrimSpace(w.Key)})
		if err != nil {
			continue // differs says so
		}
		q, err := o.quorumOf(witness.QuorumOptions{Witnesses: []*witness.Client{c}, Quorum: 1})
		if err != nil {
			continue
		}
		all.Go(func() {
			defer q.Close()
			text, err := q.Newest(ctx)
			mu.Lock()
			defer mu.Unlock()
			if err == nil && text != nil {
				known = append(known, text)
			}
		})
	}
	all.Wait()
	return known
}

// otherPatience is how long witnesses are waited for whose answer nothing depends on.
const otherPatience = 5 * time.Second

// against says how the file differs from the witnesses of the policy, "" where it does not.
func (r reached) against(by ledger.Witnesses) string {
	named, strange := 0, []string{}
	for _, w := range r.Witnesses {
		if contains(by.Keys, w.Key) {
			named++
		} else {
			name, _, _ := strings.Cut(strings.TrimSpace(w.Key), "+")
			strange = append(strange, name)
		}
	}
	text := ""
	if named < len(by.Keys) {
		text = fmt.Sprintf("%s names %d of the %d witnesses that the policy asks for, %d of whom must cosign", witnessesFile, named, len(by.Keys), by.Quorum)
	}
	if len(strange) > 0 {
		if text != "" {
			text += "; "
		}
		text += fmt.Sprintf("%s has a key of %s that the policy does not have", witnessesFile, strings.Join(strange, ", "))
	}
	return text
}

// differs says how witnesses.yaml differs from the policy in force, "" where it does not.
func (d *domain) differs() string {
	g, some := d.state.InForce()
	if !some || g.Mode != policy.ModeSupervised {
		return ""
	}
	_, file, err := d.outsideLog().read()
	if err != nil {
		return err.Error()
	}
	retiring := d.state.Keepers()[0].Keys // who are needed until they know of it
	file.Witnesses = slices.DeleteFunc(file.Witnesses, func(w reachedWitness) bool {
		return contains(retiring, w.Key) && !contains(g.Witnesses.Keys, w.Key)
	})
	return file.against(g.Witnesses)
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if strings.TrimSpace(x) == strings.TrimSpace(s) {
			return true
		}
	}
	return false
}

// say tells of a witness that did not cosign, on the process's own error output.
func (d *domain) say(name string, err error) {
	if d.log != nil {
		fmt.Fprintf(d.log, "witness %s has not cosigned: %v\n", name, err)
	}
}

// Cosign has the quorum cosign, and then renews the copy.
func (o *outsideLog) Cosign(ctx context.Context, by ledger.Witnesses, checkpoint []byte, prove ledger.Prover) ([]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.asks(by); err != nil {
		return nil, err
	}
	if o.quorum != nil {
		signed, err := o.quorum.Cosign(ctx, checkpoint, prove)
		if errors.Is(err, witness.ErrAhead) || errors.Is(err, witness.ErrFork) {
			return nil, fmt.Errorf("%w: %w", ledger.ErrRolledBack, err)
		}
		if err != nil && o.differ != "" {
			err = fmt.Errorf("%w (%s)", err, o.differ)
		}
		if err != nil {
			return nil, err
		}
		checkpoint = signed
	}
	if o.copy == "" {
		return checkpoint, nil
	}
	kept, err := o.copyOf()
	if err != nil {
		return nil, err
	}
	if err := o.continues(ctx, kept, checkpoint, prove); err != nil {
		return nil, err
	}
	return checkpoint, writeDurably(o.copy, checkpoint, 0o600)
}

// continues says whether a checkpoint goes on from the copy: by its size, its root, and a
// proof where it is larger.
func (o *outsideLog) continues(ctx context.Context, kept, checkpoint []byte, prove ledger.Prover) error {
	was, ok := checkpointOf(kept)
	now, _ := checkpointOf(checkpoint)
	switch {
	case !ok && len(kept) > 0:
		return fmt.Errorf("the copy in %s is no checkpoint", o.copy)
	case was.Size > now.Size:
		return fmt.Errorf("%w: %d leaves here, the copy in %s has %d", ledger.ErrRolledBack, now.Size, o.copy, was.Size)
	case was.Size == now.Size && was.Size > 0 && was.Root != now.Root:
		return fmt.Errorf("%w: the copy in %s has other %d leaves", ledger.ErrRolledBack, o.copy, was.Size)
	case was.Size == now.Size, was.Size == 0:
		return nil
	}
	proof, err := prove(ctx, was.Size, now.Size)
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(proof, now.Size, now.Root, was.Size, was.Root); err != nil {
		return fmt.Errorf("%w: the first %d leaves are not those of the copy in %s: %w", ledger.ErrRolledBack, was.Size, o.copy, err)
	}
	return nil
}

// Newest is what the witnesses and the copy have, and whoever else is in witnesses.yaml.
func (o *outsideLog) Newest(ctx context.Context, by ledger.Witnesses) (known [][]byte, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.asks(by); err != nil && o.short == nil {
		return nil, err
	}
	known = o.others(ctx, by)
	kept, err := o.copyOf()
	if kept != nil {
		known = append(known, kept)
	}
	if o.quorum == nil {
		return known, errors.Join(err, o.short)
	}
	newest, away := o.quorum.Newest(ctx)
	if away == nil && newest != nil {
		known = append(known, newest)
	}
	return known, errors.Join(err, away)
}

// copyOf is the copy, nil where nothing was signed that it could be of. Once something was,
// a file that is not there is one that was lost, as with a disk that is not mounted: who
// names a new one makes it, empty.
func (o *outsideLog) copyOf() ([]byte, error) {
	kept, err := o.kept()
	if err != nil || kept != nil || o.copy == "" {
		return kept, err
	}
	if _, err := os.Stat(o.copy); err == nil {
		return nil, nil // empty: it is new
	}
	signed, err := os.ReadFile(o.signed)
	if c, ok := checkpointOf(signed); err == nil && ok && c.Size > 0 {
		return nil, fmt.Errorf("the copy outside, %s, is not there; where it is new, and only then, make it as an empty file", o.copy)
	}
	return nil, nil
}

// kept is the copy, nil where there is none yet or it is empty.
func (o *outsideLog) kept() ([]byte, error) {
	if o.copy == "" {
		return nil, nil
	}
	text, err := os.ReadFile(o.copy)
	if errors.Is(err, fs.ErrNotExist) {
		_, err = os.Stat(filepath.Dir(o.copy)) // a disk that is not there has no folder either
		return nil, err
	}
	if len(text) == 0 {
		text = nil
	}
	return text, err
}

// checkpointOf is what a signed note says, whoever signed it; false for what is none.
func checkpointOf(text []byte) (witness.Checkpoint, bool) {
	body, _, _ := bytes.Cut(text, []byte("\n\n"))
	c, err := witness.ParseCheckpoint(string(body) + "\n")
	return c, err == nil
}

// unmetHelp is what to do where a domain stays read-only.
const unmetHelp = "Bring the witnesses of witnesses.yaml, and the copy outside where it names one, within reach: the domain goes on by itself. " +
	"If they are gone for good and you know that this disk is the newest, serve it with --unwitnessed and have two people approve a policy that names others."

// readOnly says why a domain is read-only, and what to do.
func readOnly(err error) string { return fmt.Sprintf("read-only: %v. %s", err, unmetHelp) }

// meet keeps in touch with the witnesses while the domain is served, so that charges are
// admitted and what waits is delivered.
func (d *domain) meet(ctx context.Context, log io.Writer) {
	told := ""
	for {
		wait := ledger.Contact / 3
		err := d.ledger.Meet(ctx)
		if err != nil {
			wait = 2 * time.Second
		}
		if unmet := d.ledger.Unmet(); unmet != nil {
			err = unmet
		}
		if text := fmt.Sprint(err); text != told && ctx.Err() == nil {
			if errors.Is(err, ledger.ErrUnmet) {
				fmt.Fprintln(log, readOnly(err))
			} else if err != nil {
				fmt.Fprintln(log, "charges are not admitted, and answers wait:", err)
			} else if told != "" {
				fmt.Fprintln(log, "the witnesses are in reach: charges are admitted")
			}
			told = text
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}
