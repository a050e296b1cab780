package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/api/federation"
	"github.com/qunxiang/qunxiang/federated"
)

// enrolling is one run of node enroll.
type enrolling struct {
	dir, fingerprint, ca string
	want                 nodeSettings // as the flags say; "" for what they do not
	wait, asJSON         bool

	folder   nodeFolder
	settings *nodeSettings
	sent     *federation.Enrolment
}

func nodeEnrollCommand() *cobra.Command {
	e := &enrolling{}
	c := &cobra.Command{
		Use: "enroll", Short: "Make a node's keys and ask a coordinator for its certificate", Args: cobra.NoArgs,
		Long: `Make the node's keys (in DIR/node, readable by their owner only) and its settings, and
ask the coordinator for a certificate for the connection. The coordinator's operator
tells you the address and the fingerprint of its authority; you tell them the
fingerprint that is printed here, by telephone or on paper, and they approve it.

Printed too is the block for this node on a job card. The keys in it are what
counts: the certificate only opens the door of the transport.

Run it again, with --dir alone, to go on: it fetches the certificate once it is
approved. --wait waits for it.`,
		Example: `  qunxiang node enroll --dir D --coordinator https://127.0.0.1:8800 --ca-fingerprint "ab12 ..." --name north --organisation "North Mutual"
  qunxiang node enroll --dir D --wait`,
		RunE: func(c *cobra.Command, _ []string) error {
			return withCode(e.run(c.Context(), c.OutOrStdout(), c.ErrOrStderr()))
		},
	}
	dirFlag(c, &e.dir)
	f := c.Flags()
	f.StringVar(&e.want.Coordinator, "coordinator", "", "the coordinator's address, https://HOST:PORT")
	f.StringVar(&e.fingerprint, "ca-fingerprint", "", "SHA-256 of the coordinator's authority, as its operator told you")
	f.StringVar(&e.ca, "ca", "", "file with the authority's certificate, in place of --ca-fingerprint")
	f.StringVar(&e.want.CoordinatorKey, "coordinator-key", "", "its signing key: cards of another will be refused (default: any)")
	f.StringVar(&e.want.Name, "name", "", "the node's name on job cards: lower case, digits, hyphens")
	f.StringVar(&e.want.Organisation, "organisation", "", "the organisation that runs it")
	f.BoolVar(&e.wait, "wait", false, "wait until the coordinator's operator has approved")
	f.BoolVar(&e.asJSON, "json", false, "print JSON")
	return c
}

func (e *enrolling) run(ctx context.Context, out, progress io.Writer) error {
	if _, err := os.Stat(filepath.Join(e.dir, "policy.yaml")); errors.Is(err, fs.ErrNotExist) {
		return &exitError{exitUsage, fmt.Errorf("%s: %w", e.dir, errNoDomain)}
	}
	e.folder = nodeFolderOf(e.dir)
	for _, step := range []func(context.Context) error{e.configure, e.authority, e.request} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	client, err := e.folder.client(e.settings)
	if err != nil {
		return err
	}
	defer client.Close()
	state, err := client.Enrol(ctx, e.sent)
	if err != nil {
		return unreachable(err)
	}
	if err := e.keep(state); err != nil {
		return err
	}
	if !e.asJSON {
		e.print(out, state)
	}
	for e.wait && state.Certificate == "" {
		fmt.Fprintln(progress, "waiting for the coordinator's operator ...")
		if state, err = e.await(ctx, client); err != nil {
			return err
		}
		if !e.asJSON {
			fmt.Fprintln(out, "approved: the certificate is here")
		}
	}
	if e.asJSON {
		return printJSON(out, e.report(state))
	}
	return nil
}

// configure makes keys and node.yaml, or checks that the flags say the same again.
func (e *enrolling) configure(context.Context) error {
	path := e.folder.path("node.yaml")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := e.begin(path); err != nil {
			return err
		}
	}
	s, err := e.folder.settings()
	if err != nil {
		return err
	}
	for _, x := range [][3]string{
		{"--coordinator", e.want.Coordinator, s.Coordinator}, {"--name", e.want.Name, s.Name},
		{"--organisation", e.want.Organisation, s.Organisation}, {"--coordinator-key", e.want.CoordinatorKey, s.CoordinatorKey},
	} {
		if x[1] != "" && x[1] != x[2] {
			return &exitError{exitUsage, fmt.Errorf("%s is %q in %s: change it there, or take another folder", x[0], x[2], path)}
		}
	}
	e.settings = s
	return e.keys()
}

// begin writes node.yaml of a new node. What would be refused later is refused before
// anything is written.
func (e *enrolling) begin(path string) error {
	w := e.want
	if w.Coordinator == "" || w.Name == "" || w.Organisation == "" {
		return &exitError{exitUsage, errors.New("a new node needs --coordinator, --name and --organisation")}
	}
	if _, err := parseNodeSettings("the flags", w.text()); err != nil {
		return &exitError{exitUsage, err}
	}
	if err := federation.CheckName(w.Name, w.Organisation); err != nil {
		return &exitError{exitUsage, err}
	}
	if err := os.MkdirAll(string(e.folder), 0o700); err != nil {
		return err
	}
	return writeDurably(path, w.text(), 0o600)
}

// keys makes the node's keys, before the enrolment and never after it: another key than
// the enrolled one would make approvals and messages that nobody takes. The owner's key
// may have been taken elsewhere by then.
func (e *enrolling) keys() error {
	sent, err := e.folder.enrolment()
	if errors.Is(err, fs.ErrNotExist) {
		return e.folder.makeKeys()
	}
	if err != nil {
		return err
	}
	key, err := e.folder.messageKey()
	if err != nil || publicKey(key) != sent.Key {
		return &exitError{exitUsage, fmt.Errorf("%s is not the key that was enrolled: put it back from a copy; "+
			"if it is lost, the node has to enrol under another name, in a new folder", e.folder.path("node.key"))}
	}
	return nil
}

// authority gets the coordinator's certificate authority, once, held against its
// fingerprint.
func (e *enrolling) authority(ctx context.Context) error {
	path := e.folder.path("ca.crt")
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	var text []byte
	var err error
	switch {
	case e.ca != "":
		text, err = os.ReadFile(e.ca)
	case e.fingerprint != "":
		text, err = federation.PinnedAuthority(ctx, e.settings.Coordinator, e.fingerprint)
	default:
		return &exitError{exitUsage, errors.New("first contact needs --ca-fingerprint or --ca: ask the coordinator's operator")}
	}
	if err != nil {
		return unreachable(err)
	}
	return writeDurably(path, text, 0o644)
}

// request makes the enrolment, or reads the one that was made.
func (e *enrolling) request(context.Context) error {
	var err error
	e.sent, err = e.folder.enrolment()
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	o := federation.EnrolmentOptions{Name: e.settings.Name, Organisation: e.settings.Organisation}
	key, err := e.folder.messageKey()
	if err != nil {
		return err
	}
	owner, err := e.folder.ownerKey("")
	if err != nil {
		return err
	}
	if o.TLS, err = e.folder.tlsKey(); err != nil {
		return err
	}
	o.Key, o.Owner = key, owner.Public().(ed25519.PublicKey)
	if e.sent, err = federation.NewEnrolment(o); err != nil {
		return err
	}
	b, err := json.Marshal(e.sent)
	if err != nil {
		return err
	}
	return writeDurably(e.folder.path("enrolment.json"), b, 0o600)
}

// enrolment is what was sent to the coordinator.
func (n nodeFolder) enrolment() (*federation.Enrolment, error) {
	b, err := os.ReadFile(n.path("enrolment.json"))
	if err != nil {
		return nil, err
	}
	e := &federation.Enrolment{}
	if err := json.Unmarshal(b, e); err != nil {
		return nil, fmt.Errorf("%s: %w", n.path("enrolment.json"), err)
	}
	return e, e.Check()
}

// tlsKey reads the key of the connection, or makes it.
func (n nodeFolder) tlsKey() (crypto.Signer, error) {
	path := n.path("tls.key")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, err
		}
		return key, writeDurably(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s is not a key in PEM", path)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	signer, ok := key.(crypto.Signer)
	if err != nil || !ok {
		return nil, fmt.Errorf("%s is not a key for TLS", path)
	}
	return signer, nil
}

// keep stores the certificate, if there is one.
func (e *enrolling) keep(s federation.EnrolmentState) error {
	if s.Certificate == "" {
		return nil
	}
	return writeDurably(e.folder.path("tls.crt"), []byte(s.Certificate), 0o644)
}

func (e *enrolling) await(ctx context.Context, client *federation.Client) (s federation.EnrolmentState, err error) {
	for s.Certificate == "" {
		select {
		case <-ctx.Done():
			return s, ctx.Err()
		case <-time.After(time.Second):
		}
		if s, err = client.EnrolmentState(ctx, e.sent); err != nil {
			return s, err
		}
	}
	return s, e.keep(s)
}

// memberBlock is a node's block on a job card, in YAML.
func memberBlock(name, organisation string, key, owner federated.Key) string {
	return fmt.Sprintf("  - name: %s\n    organisation: %q\n    key: %q\n    owner: %q\n", name, organisation, keyText(key), keyText(owner))
}

func (e *enrolling) member() string {
	return memberBlock(e.sent.Name, e.sent.Organisation, e.sent.Key, e.sent.Owner)
}

func (e *enrolling) print(w io.Writer, s federation.EnrolmentState) {
	fmt.Fprintf(w, "node %s of %s, enrolment %s\n\n", e.sent.Name, e.sent.Organisation, s.ID)
	fmt.Fprintf(w, "Tell the coordinator's operator this fingerprint, by another way than the network:\n")
	fmt.Fprintf(w, "  %s\n\n", e.sent.Fingerprint())
	fmt.Fprintf(w, "For the job card, under nodes: (the others compare its fingerprints with you)\n%s\n", e.member())
	fmt.Fprintf(w, "  signing key  %s\n  owner's key  %s\n\n", e.sent.Key.Fingerprint(), e.sent.Owner.Fingerprint())
	if s.Certificate != "" {
		fmt.Fprintf(w, "approved: the certificate is in %s, until %s\n", e.folder.path("tls.crt"), s.Until.Format(time.DateOnly))
		fmt.Fprintf(w, "next, when you are sent a job's digest: qunxiang node approve --dir %s --job DIGEST\n", e.dir)
		return
	}
	fmt.Fprintln(w, "pending: run this again, or with --wait, when the coordinator's operator has approved")
}

type enrolReport struct {
	Name             string `json:"name"`
	Organisation     string `json:"organisation"`
	ID               string `json:"id"`
	State            string `json:"state"`
	Fingerprint      string `json:"fingerprint"`
	Key              string `json:"key"`
	Owner            string `json:"owner"`
	KeyFingerprint   string `json:"key_fingerprint"`
	OwnerFingerprint string `json:"owner_fingerprint"`
	Member           string `json:"member"` // YAML for the job card
}

func (e *enrolling) report(s federation.EnrolmentState) enrolReport {
	return enrolReport{
		e.sent.Name, e.sent.Organisation, s.ID, s.State, e.sent.Fingerprint(), keyText(e.sent.Key), keyText(e.sent.Owner),
		e.sent.Key.Fingerprint(), e.sent.Owner.Fingerprint(), e.member(),
	}
}
