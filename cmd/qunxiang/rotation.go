package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/qunxiang/qunxiang/policy/ledger"
)

// successors are the keys that waited when they were read, by the name of their use.
type successors struct {
	mu sync.Mutex
	of map[string]*keys
}

// keysInForce are the domain's keys, or the one that waited, where a KEY leaf has put that
// in force.
func (d *domain) keysInForce(name string) (*keys, error) {
	u, err := keyUseOf(name)
	if err != nil {
		return nil, err
	}
	k, want := d.keys, d.state.SigningKey(u.use, u.algorithm)
	if own := u.public(k); own != "" && (want == "" || want == own) {
		return k, nil
	}
	d.successors.mu.Lock()
	defer d.successors.mu.Unlock()
	if n := d.successors.of[name]; n != nil && u.public(n) == want {
		return n, nil
	}
	return nil, errReceiptKey
}

// holds says whether the private half of the key that signs is here. That which waited is
// the one, too, from its KEY leaf on until it takes its files.
func (d *domain) holds(u keyUse) (bool, error) {
	own, want := u.public(d.keys), d.state.SigningKey(u.use, u.algorithm)
	if want == "" || own == want {
		return own != "", nil
	}
	n, err := u.next(d.keys)
	return n != nil && u.public(n) == want, err
}

// successor reads the key that waits for a KEY leaf, and keeps it: its file is renamed
// when it is in force.
func (d *domain) successor(u keyUse) (*keys, error) {
	n, err := u.next(d.keys)
	if n == nil || err != nil {
		return nil, err
	}
	d.successors.mu.Lock()
	defer d.successors.mu.Unlock()
	if d.successors.of == nil {
		d.successors.of = map[string]*keys{}
	}
	d.successors.of[u.name] = n
	return n, nil
}

// waitingSigners are the keys of the log that wait for a KEY leaf, or have one since a
// crash.
func (d *domain) waitingSigners() (list []ledger.Second, public []string, err error) {
	for _, u := range keyUses {
		n, err := d.successor(u)
		if err != nil {
			return nil, nil, err
		}
		if n == nil || u.use != "log" {
			continue
		}
		s, err := u.signer(n)
		if err != nil {
			return nil, nil, err
		}
		list, public = append(list, s), append(public, u.public(n))
	}
	return list, public, nil
}

// mayRekey wants no training job to be under way when the log changes its key: the
// charges of a job are proven by one key.
func (d *domain) mayRekey(use string, at time.Time) error {
	open := func(r ledger.Reservation) bool { return r.Open(at) }
	if use == "log" && slices.ContainsFunc(d.state.Reservations(), open) {
		return fmt.Errorf("%w: the log keeps its key while a training job is under way", ledger.ErrApproval)
	}
	return nil
}

// rekey changes a key, which must wait here.
func (d *domain) rekey(ctx context.Context, k ledger.Key) error {
	if slices.ContainsFunc(d.state.KeyChanges(), func(c ledger.KeyChange) bool { return c.Key == k }) {
		return nil // a crash came before its proposal was taken away
	}
	if err := d.mayRekey(k.Use, d.ledger.Now()); err != nil {
		return err
	}
	u, err := keyUseOfLeaf(k)
	if err != nil {
		return err
	}
	n, err := d.successor(u)
	if err != nil {
		return err
	}
	if n == nil || u.public(n) != k.Public {
		return fmt.Errorf("%w: the private half of %s is not here", ledger.ErrKey, k.Public)
	}
	s, err := u.signer(n)
	if err != nil {
		return err
	}
	if d.outside != nil && u.name == "log" {
		if err := d.outside.know(k.Public); err != nil {
			return err
		}
	}
	_, err = d.ledger.Rekey(ctx, k, s)
	return err
}

// promote ends the changes that are through: a key that has signed in place of another
// takes its files. What it took over from is kept as a public key alone.
func (d *domain) promote() error {
	for _, u := range keyUses {
		n, err := d.successor(u)
		if err != nil {
			return err
		}
		if n == nil {
			if err := removeIfThere(d.path(u.name + "-next.pub")); err != nil {
				return err
			}
			continue
		}
		public := u.public(n)
		old, err := publicLines(d.path(u.name + ".pub"))
		if err != nil {
			return err
		}
		if d.state.SigningKey(u.use, u.algorithm) != public || u.use == "log" && len(old) > 0 && !d.state.Retired(u.algorithm, u.public(d.keys)) {
			continue
		}
		if err := d.takeOver(u, public, old); err != nil {
			return err
		}
	}
	return nil
}

// takeOver writes the public halves first, the older ones before all: a crash between is
// made good by doing it again.
func (d *domain) takeOver(u keyUse, public string, old []string) error {
	leaf := int64(-1)
	for _, k := range d.state.KeyChanges() {
		if k.Public == public {
			leaf = k.Leaf
		}
	}
	before, err := publicLines(d.path(u.name + "-before.pub"))
	if err != nil {
		return err
	}
	for _, key := range old {
		if key != public && !slices.ContainsFunc(before, func(s string) bool { return strings.HasPrefix(s, key+" ") }) {
			before = append([]string{fmt.Sprintf("%s until leaf %d", key, leaf)}, before...)
		}
	}
	if err := writeDurably(d.path(u.name+"-before.pub"), []byte(strings.Join(before, "\n")+"\n"), 0o644); err != nil {
		return err
	}
	if err := writeDurably(d.path(u.name+".pub"), []byte(public+"\n"), 0o644); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(d.keys.dir, u.name+"-next.key"), filepath.Join(d.keys.dir, u.name+".key")); err != nil {
		return err
	}
	if err := syncDir(d.keys.dir); err != nil {
		return err
	}
	return removeIfThere(d.path(u.name + "-next.pub"))
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}
