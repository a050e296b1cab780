package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/api/federation"
)

func federatedEnrolmentsCommand() *cobra.Command {
	var dir string
	var members, asJSON bool
	c := &cobra.Command{
		Use: "enrolments", Short: "Nodes that ask for a certificate, and those that have one", Args: cobra.NoArgs,
		Long: `List the nodes that have enrolled. Approve one only with the fingerprint that its
operator has told you by another way. --members prints the nodes' blocks for a job
card: the owners compare the fingerprints with each other, the certificate vouches
for none of them.`,
		Example: `  qunxiang federated enrolments --dir C
  qunxiang federated enrolments approve north --dir C --fingerprint "ab12cd34 ..."
  qunxiang federated enrolments --dir C --members`,
		RunE: func(c *cobra.Command, _ []string) error {
			return withCode(withAdmin(dir, func(client *federation.Client) error {
				list, err := client.Enrolments(c.Context())
				if err != nil {
					return unreachable(err)
				}
				switch {
				case asJSON:
					return printJSON(c.OutOrStdout(), append([]federation.EnrolmentState{}, list...))
				case members:
					printMembers(c.OutOrStdout(), list)
				default:
					printEnrolments(c.OutOrStdout(), list)
				}
				return nil
			}))
		},
	}
	c.PersistentFlags().StringVar(&dir, "dir", "", "the coordinator's directory")
	_ = c.MarkPersistentFlagRequired("dir")
	c.PersistentFlags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&members, "members", false, "print the approved nodes' blocks for a job card")
	c.AddCommand(enrolmentApproveCommand(&dir, &asJSON), enrolmentRemoveCommand(&dir, &asJSON))
	return c
}

func enrolmentApproveCommand(dir *string, asJSON *bool) *cobra.Command {
	var fingerprint string
	c := &cobra.Command{
		Use: "approve NAME|ID", Short: "Give a node its certificate", Args: cobra.ExactArgs(1),
		Long:    "Give a node its certificate, if the fingerprint is the one that its operator has told\nyou by telephone or on paper. Spaces and case do not count.",
		Example: `  qunxiang federated enrolments approve north --dir C --fingerprint "ab12cd34 ..."`,
		RunE: func(c *cobra.Command, args []string) error {
			return withCode(withAdmin(*dir, func(client *federation.Client) error {
				id, err := enrolmentID(c.Context(), client, args[0])
				if err != nil {
					return err
				}
				s, err := client.ApproveEnrolment(c.Context(), id, fingerprint)
				if err != nil {
					return unreachable(err)
				}
				if *asJSON {
					return printJSON(c.OutOrStdout(), s)
				}
				_, err = fmt.Fprintf(c.OutOrStdout(), "approved: %s of %s, until %s\n", s.Name, s.Organisation, s.Until.Format(time.DateOnly))
				return err
			}))
		},
	}
	c.Flags().StringVar(&fingerprint, "fingerprint", "", "what the node's operator has told you")
	_ = c.MarkFlagRequired("fingerprint")
	return c
}

func enrolmentRemoveCommand(dir *string, asJSON *bool) *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME|ID", Short: "Take a node's enrolment back, with its certificate", Args: cobra.ExactArgs(1),
		Example: "  qunxiang federated enrolments remove north --dir C",
		RunE: func(c *cobra.Command, args []string) error {
			return withCode(withAdmin(*dir, func(client *federation.Client) error {
				id, err := enrolmentID(c.Context(), client, args[0])
				if err == nil {
					err = client.RemoveEnrolment(c.Context(), id)
				}
				if err != nil {
					return unreachable(err)
				}
				if *asJSON {
					return printJSON(c.OutOrStdout(), map[string]string{"removed": id})
				}
				_, err = fmt.Fprintf(c.OutOrStdout(), "removed: %s\n", id)
				return err
			}))
		},
	}
}

// withAdmin calls f with the client of a coordinator's administrator.
func withAdmin(dir string, f func(*federation.Client) error) error {
	client, err := adminClient(dir)
	if err != nil {
		return err
	}
	defer client.Close()
	return f(client)
}

// enrolmentID finds an enrolment by its id, or by a name that only one has.
func enrolmentID(ctx context.Context, client *federation.Client, nameOrID string) (string, error) {
	list, err := client.Enrolments(ctx)
	if err != nil {
		return "", unreachable(err)
	}
	var found []string
	for _, s := range list {
		if s.ID == nameOrID {
			return s.ID, nil
		}
		if s.Name == nameOrID {
			found = append(found, s.ID)
		}
	}
	switch len(found) {
	case 0:
		return "", &exitError{exitUsage, fmt.Errorf("no enrolment is called %.80q", nameOrID)}
	case 1:
		return found[0], nil
	}
	return "", &exitError{exitUsage, fmt.Errorf("%d enrolments are called %s: give the id", len(found), nameOrID)}
}

// unreachable gives an answer of the coordinator its exit code, and says in plain words
// when there is none.
func unreachable(err error) error {
	var away *net.OpError
	if errors.As(err, &away) && away.Op == "dial" {
		return fmt.Errorf("the coordinator does not answer: is qunxiang federated serve running? (%w)", err)
	}
	var problem *api.Problem
	if errors.As(err, &problem) && problem.Status/100 == 4 {
		return &exitError{exitRefused, fmt.Errorf("the coordinator refuses: %w", err)}
	}
	return err
}

func printEnrolments(w io.Writer, list []federation.EnrolmentState) {
	if len(list) == 0 {
		fmt.Fprintln(w, "no node has enrolled")
	}
	for _, s := range list {
		state := "PENDING, received " + s.Received.UTC().Format(time.DateTime) + " UTC"
		if s.State == federation.Approved {
			state = "approved, until " + s.Until.Format(time.DateOnly)
		}
		fmt.Fprintf(w, "%s of %s  (%s)\n  %s\n", s.Name, s.Organisation, s.ID, state)
		if s.State != federation.Approved {
			fmt.Fprintln(w, "  ask its operator for the fingerprint, and approve with that (not with what stands here)")
			fmt.Fprintf(w, "  fingerprint  %s\n", s.Fingerprint)
		}
	}
}

func printMembers(w io.Writer, list []federation.EnrolmentState) {
	fmt.Fprintln(w, "nodes:")
	for _, s := range list {
		if s.State == federation.Approved {
			fmt.Fprint(w, memberBlock(s.Name, s.Organisation, s.Key, s.Owner))
		}
	}
}
