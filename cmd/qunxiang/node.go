package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/api/federation"
)

func nodeCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "node", Short: "Take part in training with a data domain of your own",
		Long: `A node is a data domain that trains models with other organisations. Its keys,
settings and jobs are in DIR/node; node.yaml there says what each setting does.

The way of it: enroll once; for each job read its card and approve it; serve. The node
calls the coordinator over HTTPS, nobody calls the node. What leaves it is encrypted
and noisy, and every share is charged to the domain's ledger before it is sent.`,
		Example: `  qunxiang node enroll --dir D --coordinator https://HOST:PORT --ca-fingerprint FP --name north --organisation "North Mutual"
  qunxiang node approve --dir D --job 5f1c...e0
  qunxiang node serve --dir D`,
	}
	c.AddCommand(nodeEnrollCommand(), nodeApproveCommand(), nodeServeCommand(), nodeDryRunCommand(), nodeLedgerCommand(), nodeStopCommand())
	return c
}

// dirFlag adds --dir, which every command of a node needs.
func dirFlag(c *cobra.Command, dir *string) {
	c.Flags().StringVar(dir, "dir", "", "directory of the data domain")
	_ = c.MarkFlagRequired("dir")
}

// client calls the coordinator as this node, with its certificate if it has one.
func (n nodeFolder) client(s *nodeSettings) (*federation.Client, error) {
	key, err := n.messageKey()
	if err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(n.path("ca.crt"))
	if err != nil {
		return nil, err
	}
	o := federation.ClientOptions{URL: s.Coordinator, CA: ca, Key: key}
	pair, err := tls.LoadX509KeyPair(n.path("tls.crt"), n.path("tls.key"))
	switch {
	case err == nil:
		o.Certificate = &pair
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	return federation.NewClient(o)
}

// renew asks for a new certificate when a third of the old one's time is left. It is
// for the next connection; a coordinator that does not answer is asked the next time.
func (n nodeFolder) renew(ctx context.Context, client *federation.Client) error {
	pair, err := tls.LoadX509KeyPair(n.path("tls.crt"), n.path("tls.key"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // where a proxy opens TLS, signatures suffice
	}
	if err != nil {
		return err
	}
	if c := pair.Leaf; time.Now().Before(c.NotAfter.Add(-c.NotAfter.Sub(c.NotBefore) / 3)) {
		return nil
	}
	sent, err := n.enrolment()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	state, err := client.Enrol(ctx, sent)
	if err != nil || state.Certificate == "" {
		return err
	}
	if err := writeDurably(n.path("tls.crt"), []byte(state.Certificate), 0o644); err != nil {
		return err
	}
	if pair, err = tls.LoadX509KeyPair(n.path("tls.crt"), n.path("tls.key")); err != nil {
		return err
	}
	client.Renew(&pair)
	return nil
}
