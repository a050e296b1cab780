package main

import (
	"github.com/spf13/cobra"
)

func federatedCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "federated", Short: "Train one model over several organisations: coordinate, verify, read",
		Long: `Train one model over several organisations' people. Nobody sees another party's
numbers, the coordinator included: only the noisy sum of all nodes is decrypted.

The coordinator runs serve and create. Every party runs a node (see qunxiang node).
verify and model read a node's own folder, offline.`,
		Example: "  qunxiang federated serve --dir C\n  qunxiang federated draft --dir C --template claim-frequency-features --param window=2017-01-01..2017-12-31 > card.yaml\n  qunxiang federated create --dir C --card card.yaml\n  qunxiang federated verify --dir D",
	}
	c.AddCommand(federatedServeCommand(), federatedEnrolmentsCommand(), federatedDraftCommand(), federatedCreateCommand(), federatedStatusCommand(),
		federatedVerifyCommand(), federatedModelCommand())
	return c
}
