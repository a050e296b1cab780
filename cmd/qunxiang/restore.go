package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/policy/audit"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// restoring is one run of restore.
type restoring struct {
	dir, log    string
	from        []string
	unwitnessed bool
}

// restored is what restore says it did.
type restored struct {
	Population string    `json:"population"`
	Made       time.Time `json:"made"`   // when the backup was
	Backup     int64     `json:"backup"` // leaves in the backup
	Leaves     int64     `json:"leaves"` // leaves of the log now
	Known      bool      `json:"known"`  // somebody outside says that there are no more
	Lost       int       `json:"lost"`   // answers that the log names and nobody brought
	Snapshots  bool      `json:"snapshots"`
}

func restoreCommand() *cobra.Command {
	r := &restoring{}
	var asJSON bool
	c := &cobra.Command{
		Use: "restore", Short: "Make a domain of its backups, if nothing that was spent is forgotten", Args: cobra.NoArgs,
		Long: `Make the directory of a domain from a backup of it and a backup of its keys. The log
in the backup is held against the witnesses and the copy outside, where witnesses.yaml
in the backup has them: all that they know must be in it. A backup that is older is refused, for what was charged since would
be spent again. Bring the leaves that it lacks with --log: a bundle of audit bundle, the
ledger folder of the lost disk, or a mirror of /v1/log. They are taken on the signature
of their checkpoint. Answers that neither has cannot be given again.

An evaluation domain that has neither witnesses nor a copy outside has nobody who knows
what was charged after the backup. It is restored with --unwitnessed only: then
you say that nothing was, and nobody can tell.

End the old server first. Opt-outs and tokens that were added after the backup are not
in it: add them again before you serve.

Exit codes: 5 more of the log is known outside, 3 nobody who knows can be asked.`,
		Example: `  qunxiang restore --domain D --from B.tar --from keys.tar
  qunxiang restore --domain D --from B.tar --from keys.tar --log last-audit.tar`,
		RunE: func(c *cobra.Command, _ []string) error {
			done, err := r.run(c.Context())
			if errors.Is(err, ledger.ErrRolledBack) {
				return &exitError{exitInvalid, err}
			}
			if err != nil {
				return withCode(err)
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), done)
			}
			done.print(c.OutOrStdout(), r.dir)
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&r.dir, "domain", "", "directory to make, which must not be there or must be empty")
	f.StringArrayVar(&r.from, "from", nil, "file of qunxiang backup: once for the domain, once for its keys")
	f.StringVar(&r.log, "log", "", "a newer copy of the log: a bundle, or a folder with its checkpoint and its wal or tiles")
	f.BoolVar(&r.unwitnessed, "unwitnessed", false, "of an evaluation domain of which nobody outside knows: say that nothing was charged after the backup")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	_ = c.MarkFlagRequired("domain")
	_ = c.MarkFlagRequired("from")
	return c
}

func (r *restored) print(w io.Writer, dir string) {
	fmt.Fprintf(w, "restored %s: population %s, %d leaves", dir, r.Population, r.Leaves)
	if r.Leaves > r.Backup {
		fmt.Fprintf(w, ", of which the backup had %d", r.Backup)
	}
	fmt.Fprintln(w)
	if r.Known {
		fmt.Fprintln(w, "Nobody who was asked outside knows of more.")
	} else {
		fmt.Fprintln(w, "NOBODY OUTSIDE KNOWS THIS LOG: what was charged after the backup, if anything was, can be spent again.")
	}
	if r.Lost > 0 {
		fmt.Fprintf(w, "%d answers are lost: they are charged and cannot be given again.\n", r.Lost)
	}
	at := r.Made.Format(time.RFC3339)
	fmt.Fprintf(w, "Not in the backup: opt-outs and tokens added after %s. Add them again before you serve.\n", at)
	if !r.Snapshots {
		fmt.Fprintln(w, "There are no snapshots: import the data again before anybody asks.")
	}
	fmt.Fprintln(w, "A node of training must enrol again.")
}

// errOccupied refuses to restore over something.
var errOccupied = errors.New("is there already; restore into a new directory")

func (r *restoring) run(ctx context.Context) (done *restored, err error) {
	if held, err := os.ReadDir(r.dir); err == nil && len(held) > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(fmt.Errorf("%s %w", r.dir, errOccupied), err)
	}
	dir, err := filepath.Abs(r.dir)
	if err != nil {
		return nil, err
	}
	stage, err := os.MkdirTemp(filepath.Dir(dir), ".restoring-*") // mode 0700
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(stage))
		}
	}()
	said, err := unpackAll(stage, r.from)
	if err != nil {
		return nil, err
	}
	done = &restored{Population: said.Population, Made: said.Made, Backup: said.Leaves, Snapshots: said.Snapshots}
	if err := r.examine(ctx, stage, done); err != nil {
		return nil, err
	}
	if err := syncTree(stage); err != nil {
		return nil, err
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := os.Rename(stage, dir); err != nil {
		return nil, err
	}
	return done, syncDir(filepath.Dir(dir))
}

// examine brings the log up to what there is of it, and holds it against what is known outside.
func (r *restoring) examine(ctx context.Context, stage string, done *restored) error {
	d := &domain{dir: stage}
	if err := haveKeys(stage); err != nil {
		return err
	}
	var err error
	if d.keys, err = loadKeys(d.path("keys")); err != nil {
		return err
	}
	keys, err := logKeys(stage)
	if err != nil {
		return err
	}
	if own := keyUses[0].public(d.keys); own != "" && !contains(keys, own) { // a later one than the backup's
		keys = append(keys, own)
	}
	newer := &audit.Bundle{}
	if r.log != "" {
		if newer, err = openNewer(r.log); err != nil {
			return err
		}
		defer newer.Close()
		if err := ledger.Extend(d.path("ledger"), newer.Log, keys...); err != nil {
			return fmt.Errorf("%s: %w", r.log, err)
		}
	}
	log, err := ledger.ReadCopy(d.path("ledger"), keys...)
	if err != nil {
		return err
	}
	done.Leaves = log.Size()
	if done.Lost, err = d.bringReleases(log, newer.Releases); err != nil {
		return err
	}
	done.Known, err = knownToAny(ctx, d.outsideLog(), log)
	if errors.Is(err, ledger.ErrRolledBack) {
		return fmt.Errorf("%w. The backup lacks the end of the log; bring it with --log (see restore --help)", err)
	}
	if err == nil && !done.Known && !r.unwitnessed {
		err = fmt.Errorf("%w: witnesses.yaml names neither a witness in force nor a copy outside, so nobody knows what was charged after the backup; "+
			"with --unwitnessed you say that nothing was", ledger.ErrQuorum)
	}
	return err
}

// knownToAny is known, of the witnesses of the policy that the checkpoint covers and, where
// another came after it, of that one's.
func knownToAny(ctx context.Context, outside *outsideLog, log *ledger.Copy) (some bool, err error) {
	for i, by := range log.Keepers() {
		if err := outside.asks(by); err != nil && outside.short == nil {
			return false, err
		}
		of, err := known(ctx, outside, log, i > 0)
		if err != nil {
			return false, err
		}
		some = some || of
	}
	return some, nil
}

// known holds a log against all that is known of it outside; false where nobody could
// know. Whoever should know and does not say is an error: ErrQuorum. Those of a policy that
// is later than the newest checkpoint may know of nothing yet: nothing was charged under it.
func known(ctx context.Context, outside *outsideLog, log *ledger.Copy, later bool) (bool, error) {
	if outside.short != nil {
		return false, fmt.Errorf("%w: witnesses.yaml says of too few where they are", ledger.ErrQuorum)
	}
	texts := outside.others(ctx, outside.by)
	if outside.quorum != nil {
		text, err := outside.quorum.Newest(ctx)
		if err == nil && text == nil && !later {
			err = errors.New("they have never cosigned this log")
		}
		if err != nil {
			return false, fmt.Errorf("%w: %w", ledger.ErrQuorum, err)
		}
		if text != nil {
			texts = append(texts, text)
		}
	}
	if outside.copy != "" {
		text, err := outside.kept()
		if err == nil && text == nil && outside.quorum == nil {
			err = fmt.Errorf("%w: the copy outside, %s, is not there", ledger.ErrQuorum, outside.copy)
		}
		if err != nil {
			return false, err
		}
		if text != nil {
			texts = append(texts, text)
		}
	}
	for _, text := range texts {
		if err := log.Continues(text); err != nil {
			return false, err
		}
	}
	return outside.quorum != nil || outside.copy != "", nil // others may have been asked long ago
}

// openNewer opens another copy of a log.
func openNewer(name string) (*audit.Bundle, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return &audit.Bundle{Log: os.DirFS(name), Closer: io.NopCloser(nil)}, nil
	}
	return audit.OpenBundle(name)
}

// bringReleases takes the answers that the log names and the backup has not from a bundle
// that has them, and counts those that are lost.
func (d *domain) bringReleases(log *ledger.Copy, from fs.FS) (lost int, err error) {
	store := releaseStore{d.path("releases")}
	for _, rec := range log.Requests() {
		if rec.Release < 0 || rec.Deleted || exists(filepath.Join(store.dir, rec.Digest+".json")) {
			continue
		}
		lost++
		if from == nil {
			continue
		}
		if body, err := fs.ReadFile(from, rec.Digest+".json"); err == nil && digestOf(body) == rec.Digest {
			if err := store.Put(rec.Digest, body); err != nil {
				return lost, err
			}
			lost--
		}
	}
	return lost, nil
}
