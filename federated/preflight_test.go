package federated

import (
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/federated/glm"
)

// What a preflight refuses, opening the job refuses too; what it lets through opens.
// It leaves nothing behind.
func TestPreflightIsWhatOpeningChecks(t *testing.T) {
	w := newWorld(t, 2, 12)
	for _, tt := range []struct {
		name   string
		change func(*NodeOptions)
		want   error
	}{
		{"all is well", func(*NodeOptions) {}, nil},
		{"another's key", func(o *NodeOptions) { o.Key = newKey(t) }, ErrOptions},
		{"another's name", func(o *NodeOptions) { o.Name = "node-1" }, ErrOptions},
		{"over the limit", func(o *NodeOptions) { o.Limits.Rho = 1 }, ErrLimit},
		{"another ledger grant", func(o *NodeOptions) { o.Books.(*LedgerBooks).Grant = "g-2" }, ErrRefused},
	} {
		o := w.options(0)
		tt.change(&o)
		whole, err := Preflight(ctx, o)
		if !errors.Is(err, tt.want) || err == nil && whole.Rho <= int64(w.card.Privacy.Rho) {
			t.Fatalf("%s: preflight gives %v and rho %d", tt.name, err, whole.Rho)
		}
		if _, err := os.Stat(o.Dir); !os.IsNotExist(err) {
			t.Fatalf("%s: the preflight made the job's folder", tt.name)
		}
		n, err := OpenNode(ctx, o)
		if !errors.Is(err, tt.want) {
			t.Fatalf("%s: opening gives %v", tt.name, err)
		}
		if err == nil {
			must(t, n.Close())
		}
		must(t, os.RemoveAll(o.Dir))
	}
}

// Data that break the contract are named by the field before anybody is told.
func TestPreflightNamesTheField(t *testing.T) {
	w := newWorld(t, 2, 12)
	w.parties[0].rows[3].Values[0].Number = 61
	_, err := Preflight(ctx, w.options(0))
	var field *glm.FieldError
	if !errors.As(err, &field) || field.Field != "age" {
		t.Fatalf("the preflight gives %v", err)
	}
}

// A rehearsal shows what an opened job's dry run shows, before the approval and, after
// a round, at the model that the round made; it leaves nothing behind.
func TestRehearsalIsTheDryRun(t *testing.T) {
	w := newWorld(t, 2, 12)
	o := w.options(0)
	before, err := Rehearse(ctx, o)
	must(t, err)
	if _, err := os.Stat(o.Dir); !os.IsNotExist(err) {
		t.Fatal("the rehearsal made the job's folder")
	}
	w.openNodes()
	opened, err := w.parties[0].node.DryRun()
	must(t, err)
	if before.String() != opened.String() || !slices.Equal(before.Values, opened.Values) {
		t.Fatalf("the rehearsal shows\n%v, the opened job\n%v", before, opened)
	}
	for w.parties[0].node.Round() == 0 {
		if !w.turn() {
			w.now = w.now.Add(time.Second)
		}
	}
	after, err := Rehearse(ctx, o)
	must(t, err)
	opened, err = w.parties[0].node.DryRun()
	must(t, err)
	if after.Round != 1 || !slices.Equal(after.Values, opened.Values) || slices.Equal(after.Values, before.Values) {
		t.Fatalf("after a round it shows round %d", after.Round)
	}
	w.run()
	_, err = Rehearse(ctx, o)
	mustBe(t, err, ErrStopped)
}
