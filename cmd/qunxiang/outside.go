package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

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

// outsideLog keeps the newest checkpoint outside the domain's disk: at witnesses, in a
// file elsewhere, or both.
type outsideLog struct {
	quorum *witness.Quorum // nil for none
	copy   string          // "" for none
}

// know takes in a further key of the log: witnesses may show a checkpoint by any.
func (o *outsideLog) know(key string) error {
	if o.quorum == nil {
		return nil
	}
	return o.quorum.Know(key)
}

// readWitnesses reads a witnesses.yaml; nil where there is none.
func readWitnesses(path string) (*reached, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	file := &reached{}
	return file, strictYAML(path, "a list of witnesses", text, file)
}

// outsideLog reads witnesses.yaml. Without it, and in an evaluation domain without
// witnesses, there is nothing outside: nil. The quorum and the keys are the policy's; an
// address of somebody else's key serves nothing.
func (d *domain) outsideLog(quorum int, keys []string) (*outsideLog, error) {
	file, err := readWitnesses(d.path(witnessesFile))
	if err != nil || file == nil {
		return nil, err
	}
	o := &outsideLog{copy: file.Outside}
	own, err := keyUses[0].publicKeys(d.dir)
	if err != nil {
		return nil, err
	}
	_, waiting, err := d.waitingSigners()
	if err != nil {
		return nil, err
	}
	var clients []*witness.Client
	for _, w := range file.Witnesses {
		if !contains(keys, w.Key) {
			continue
		}
		c, err := witness.NewClient(witness.ClientOptions{URL: w.URL, Key: w.Key})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d.path(witnessesFile), err)
		}
		clients = append(clients, c)
	}
	if quorum > 0 && len(clients) >= quorum {
		o.quorum, err = witness.NewQuorum(witness.QuorumOptions{
			Witnesses: clients, Quorum: quorum, Keys: own, Origin: d.keys.person.Population(), Say: d.say,
		})
		if err != nil {
			return nil, err
		}
		for _, key := range waiting {
			if err := o.know(key); err != nil {
				return nil, err
			}
		}
	}
	if o.quorum == nil && o.copy == "" {
		return nil, nil
	}
	return o, nil
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
func (o *outsideLog) Cosign(ctx context.Context, checkpoint []byte, prove ledger.Prover) ([]byte, error) {
	if o.quorum != nil {
		signed, err := o.quorum.Cosign(ctx, checkpoint, prove)
		if errors.Is(err, witness.ErrAhead) || errors.Is(err, witness.ErrFork) {
			return nil, fmt.Errorf("%w: %w", ledger.ErrRolledBack, err)
		}
		if err != nil {
			return nil, err
		}
		checkpoint = signed
	}
	if o.copy == "" {
		return checkpoint, nil
	}
	kept, err := o.kept()
	if err != nil {
		return nil, err
	}
	if now, was := sizeOfCheckpoint(checkpoint), sizeOfCheckpoint(kept); was > now {
		return nil, fmt.Errorf("%w: %d leaves here, the copy in %s has %d", ledger.ErrRolledBack, now, o.copy, was)
	}
	return checkpoint, writeDurably(o.copy, checkpoint, 0o600)
}

// Newest is the larger of what the witnesses and the copy have.
func (o *outsideLog) Newest(ctx context.Context) ([]byte, error) {
	kept, err := o.kept()
	if err != nil || o.quorum == nil {
		return kept, err
	}
	newest, err := o.quorum.Newest(ctx)
	if err != nil { // the copy alone may know better
		newest = nil
	}
	if sizeOfCheckpoint(kept) > sizeOfCheckpoint(newest) || newest == nil {
		return kept, nil
	}
	return newest, nil
}

// kept is the copy, nil where there is none yet.
func (o *outsideLog) kept() ([]byte, error) {
	if o.copy == "" {
		return nil, nil
	}
	text, err := os.ReadFile(o.copy)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return text, err
}

func sizeOfCheckpoint(text []byte) int64 {
	body, _, _ := bytes.Cut(text, []byte("\n\n"))
	c, err := witness.ParseCheckpoint(string(body) + "\n")
	if err != nil {
		return -1
	}
	return c.Size
}

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
		if text := fmt.Sprint(err); text != told && ctx.Err() == nil {
			if err != nil {
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
