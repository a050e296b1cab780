package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/policy/witness"
)

// Files of a witness's folder.
const (
	witnessConfigFile = "witness.yaml"
	witnessKeyFile    = "witness.key" // 32 bytes
	witnessPublicFile = "witness.pub" // verifier key
)

func witnessCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "witness", Short: "Witness another party's log, so that its history cannot be changed",
		Long: `A witness is run by a regulator, a hospital or whoever else a domain's history matters
to. It holds no data: only a key, and of each log the newest checkpoint that it
cosigned. It cosigns a newer one only where a proof shows that the log has grown and
nothing before has changed. A domain may need the cosignatures of several witnesses
before it answers anybody.`,
		Example: "  qunxiang witness init --dir W --name witness.regulator.example\n  qunxiang witness add-log --dir W --key hangzhou+c1a0b2d3+AWqR...\n  qunxiang witness serve --dir W",
	}
	c.AddCommand(witnessInitCommand(), witnessAddLogCommand(), witnessServeCommand(), witnessShowCommand())
	return c
}

func witnessInitCommand() *cobra.Command {
	var dir, name string
	var asJSON bool
	c := &cobra.Command{
		Use: "init", Short: "Make a witness: its key and its configuration", Args: cobra.NoArgs,
		Long: `Make the folder of a witness: its key (readable by its owner only), witness.yaml, and
witness.pub with the verifier key, which is printed: give it to the domains that need
this witness. The name is best one that nobody else has, such as a name in the DNS; it
need not lead anywhere. A folder that has a key already is left as it is (exit code 1).

Keep no copy of the folder to put back: a witness that was put back would cosign a
second time what it has seen. Where a folder is lost, begin a new witness.`,
		Example: "  qunxiang witness init --dir W --name witness.regulator.example",
		RunE: func(c *cobra.Command, _ []string) error {
			key, err := initWitness(dir, name)
			if err != nil {
				return witnessCode(err)
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), map[string]string{"name": name, "key": key, "dir": dir})
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), key)
			return err
		},
	}
	witnessDir(c, &dir, &asJSON)
	c.Flags().StringVar(&name, "name", "", "name of the witness, without spaces and plus signs")
	_ = c.MarkFlagRequired("name")
	return c
}

// witnessDir adds the flags that every witness command has.
func witnessDir(c *cobra.Command, dir *string, asJSON *bool) {
	c.Flags().StringVar(dir, "dir", "", "folder of the witness")
	_ = c.MarkFlagRequired("dir")
	c.Flags().BoolVar(asJSON, "json", false, "print JSON")
}

// witnessCode gives the witness's errors their exit codes.
func witnessCode(err error) error {
	switch {
	case errors.Is(err, witness.ErrInUse):
		return &exitError{exitBusy, err}
	case errors.Is(err, witness.ErrKey), errors.Is(err, witness.ErrMalformed):
		return &exitError{exitUsage, err}
	}
	return withCode(err)
}

// initWitness writes the key last: what was interrupted before is done again.
func initWitness(dir, name string) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	path := filepath.Join(dir, witnessKeyFile)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return "", errors.Join(err, fmt.Errorf("%s has a key already; a witness is begun once", dir))
	}
	seed := make([]byte, 32)
	rand.Read(seed)
	own, err := witness.NewCosigner(name, seed, nil)
	if err != nil {
		return "", err
	}
	config := fmt.Sprintf(witnessConfigText, yamlText(name))
	if err := writeDurably(filepath.Join(dir, witnessConfigFile), []byte(config), 0o644); err != nil {
		return "", err
	}
	if err := writeDurably(filepath.Join(dir, witnessPublicFile), []byte(own.VerifierKey()+"\n"), 0o644); err != nil {
		return "", err
	}
	return own.VerifierKey(), writeDurably(path, seed, 0o600)
}

func witnessAddLogCommand() *cobra.Command {
	var dir, key, origin string
	var asJSON bool
	c := &cobra.Command{
		Use: "add-log", Short: "Let a witness know a log, or a further key of it", Args: cobra.NoArgs,
		Long: `Add a log to witness.yaml, by the verifier key that its operator gave you by a way you
trust (of a domain: its log.pub), and begin its state with nothing cosigned. A log that
is known already gets a further key, any one of which must have signed a checkpoint:
that is how a log changes its key. Serve the witness again after it.

The state of a log is never begun anew: where it was lost, the witness refuses the log.`,
		Example: "  qunxiang witness add-log --dir W --key hangzhou+c1a0b2d3+AWqR...\n  qunxiang witness add-log --dir W --key \"$(cat log.pub)\"",
		RunE: func(c *cobra.Command, _ []string) error {
			added, err := addWitnessLog(dir, strings.TrimSpace(key), origin)
			if err != nil {
				return witnessCode(err)
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), added)
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "added: log %s, keys: %d\n", added.Origin, added.Keys)
			return err
		},
	}
	witnessDir(c, &dir, &asJSON)
	c.Flags().StringVar(&key, "key", "", "verifier key of the log: NAME+HASH+BASE64")
	c.Flags().StringVar(&origin, "origin", "", "first line of the log's checkpoints (default: the key's name)")
	_ = c.MarkFlagRequired("key")
	return c
}

// addedLog is what add-log says.
type addedLog struct {
	Origin string `json:"origin"`
	Keys   int    `json:"keys"` // that the log has now
}

func addWitnessLog(dir, key, origin string) (*addedLog, error) {
	conf, err := loadWitness(dir)
	if err != nil {
		return nil, err
	}
	v, err := witness.NewVerifier(key)
	if err != nil {
		return nil, err
	}
	if origin == "" {
		origin = v.Name()
	}
	known := false
	for _, l := range conf.Logs {
		known = known || l.Origin == origin
		if l.Key == key && l.Origin == origin {
			return nil, fmt.Errorf("log %s has this key already", origin)
		}
	}
	own, err := witnessSigner(dir, conf)
	if err != nil {
		return nil, err
	}
	if !known { // its state stands before the witness asks for it
		if err := witness.Begin(dir, origin, own); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	conf, err = conf.add(dir, origin, key)
	if err != nil {
		return nil, err
	}
	added := &addedLog{Origin: origin}
	for _, l := range conf.Logs {
		if l.Origin == origin {
			added.Keys++
		}
	}
	return added, nil
}

func witnessShowCommand() *cobra.Command {
	var dir string
	var asJSON bool
	c := &cobra.Command{
		Use: "show", Short: "Show what a witness has cosigned", Args: cobra.NoArgs,
		Long: `Show of each log the newest checkpoint that was cosigned and when (of one that does not
grow, to the minute), and where proof is kept that a log has two histories.

Exit codes: 0 nothing is wrong, 5 a log has two histories or a state is damaged.`,
		Example: "  qunxiang witness show --dir W\n  qunxiang witness show --dir W --json",
		RunE: func(c *cobra.Command, _ []string) error {
			own, err := witnessPublic(dir)
			if err != nil {
				return witnessCode(err)
			}
			logs, bad := witness.States(dir, own)
			if bad != nil && !errors.Is(bad, witness.ErrState) {
				return bad
			}
			if asJSON {
				err = printJSON(c.OutOrStdout(), map[string]any{"name": own.Name(), "key": own.Key(), "logs": append([]witness.LogState{}, logs...)})
			} else {
				err = printWitness(c.OutOrStdout(), own, logs)
			}
			if bad != nil {
				return &exitError{exitInvalid, bad}
			}
			for _, l := range logs {
				if len(l.Conflicts) > 0 && err == nil {
					return &exitError{exitInvalid, fmt.Errorf("log %s has two histories: %s", l.Origin, strings.Join(l.Conflicts, ", "))}
				}
			}
			return err
		},
	}
	witnessDir(c, &dir, &asJSON)
	return c
}

func printWitness(w io.Writer, own *witness.CosignatureVerifier, logs []witness.LogState) error {
	fmt.Fprintf(w, "witness %s\n  key  %s\n", own.Name(), own.Key())
	t := tabwriter.NewWriter(w, 2, 4, 2, ' ', 0)
	fmt.Fprintln(t, "  log\tleaves\tcosigned\troot")
	for _, l := range logs {
		at := l.Time.Format(time.RFC3339)
		if l.Size == 0 {
			at = "never"
		}
		fmt.Fprintf(t, "  %s\t%d\t%s\t%s\n", l.Origin, l.Size, at, l.Root)
	}
	return t.Flush()
}
