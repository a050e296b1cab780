package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/witness"
)

// supervising is one run of supervise.
type supervising struct {
	dir, as, owner                               string
	organisations, persons, approvers, witnesses []string
	quorum, retention                            int
	addresses                                    reached // of the witnesses
}

func superviseCommand() *cobra.Command {
	s := &supervising{}
	c := &cobra.Command{
		Use: "supervise", Short: "Name approvers and witnesses: this ends evaluation for good", Args: cobra.NoArgs,
		Long: `Make a supervised domain of an evaluation domain. From then on nothing is charged
before two approvers have signed the policy, the template and the snapshot, and a
quorum of witnesses has cosigned the log; and no policy sets that back.

Every principal needs an organisation with an agreement and, but for the domain's
own node, a person. Principals of one person count as one.`,
		Example: `  qunxiang supervise --domain D --as steward-s --owner "The authority" \
    --organisation "authority=The authority|statute|2036-12-31" --organisation "insurer-a=Insurer A|2026/17|2027-12-31" \
    --person steward-s=Stan --person steward-a=Ada --person insurer-a=Ina \
    --approver Ada=KEY --approver Bo=KEY --approver Cy=KEY --witness https://witness.example/=KEY --quorum 1`,
		RunE: func(c *cobra.Command, _ []string) error {
			return withCode(s.run(c.Context(), c.OutOrStdout()))
		},
	}
	domainFlags(c, &s.dir, &s.as)
	f := c.Flags()
	f.StringVar(&s.owner, "owner", "", "whose data they are")
	f.StringArrayVar(&s.organisations, "organisation", nil, "ID=TITLE|AGREEMENT|LAST DAY, once for each")
	f.StringArrayVar(&s.persons, "person", nil, "PRINCIPAL=PERSON, or PRINCIPAL:ORGANISATION:ROLE=PERSON for a new principal")
	f.StringArrayVar(&s.approvers, "approver", nil, "PERSON=KEY of approve keygen, at least three")
	f.StringArrayVar(&s.witnesses, "witness", nil, "URL=KEY of a witness, the key as witness init prints it")
	f.IntVar(&s.quorum, "quorum", 0, "how many witnesses must have cosigned, more than half of them; default the least that is")
	f.IntVar(&s.retention, "retention-days", policy.MinRetention, "how long released files are kept, at least 183 days")
	for _, name := range []string{"owner", "organisation", "person", "approver", "witness"} {
		_ = c.MarkFlagRequired(name)
	}
	return c
}

func (s *supervising) run(ctx context.Context, out io.Writer) error {
	err := changePolicy(ctx, io.Discard, s.dir, s.as, func(p *policy.Policy) error {
		p.Mode = policy.ModeSupervised
		if s.quorum == 0 {
			s.quorum = len(s.witnesses)/2 + 1
		}
		p.Supervision = policy.Supervision{Owner: s.owner, Quorum: s.quorum, Retention: s.retention}
		for _, step := range []func(*policy.Policy) error{s.people, s.agreements, s.keys, s.cosigners} {
			if err := step(p); err != nil {
				return err
			}
		}
		return nil
	}, s.writeAddresses)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "policy.yaml names the approvers. The next command that writes, or the server, puts it into the log:")
	fmt.Fprintln(out, "from then on nothing is charged before two of them have signed it. See qunxiang approve list.")
	return nil
}

func (s *supervising) people(p *policy.Policy) error {
	for _, text := range s.persons {
		who, person, ok := strings.Cut(text, "=")
		parts := strings.Split(who, ":")
		if !ok || len(parts) != 1 && len(parts) != 3 {
			return fmt.Errorf("--person %s is not PRINCIPAL=PERSON or PRINCIPAL:ORGANISATION:ROLE=PERSON", text)
		}
		i := slices.IndexFunc(p.Principals, func(x policy.Principal) bool { return x.ID == parts[0] })
		if len(parts) == 3 && i < 0 {
			p.Principals = append(p.Principals, policy.Principal{ID: parts[0], Organisation: parts[1], Roles: []policy.Role{policy.Role(parts[2])}, Person: person})
			continue
		}
		if i < 0 {
			return fmt.Errorf("--person %s: there is no principal %s", text, parts[0])
		}
		p.Principals[i].Person = person
	}
	return nil
}

func (s *supervising) agreements(p *policy.Policy) error {
	for _, text := range s.organisations {
		id, rest, _ := strings.Cut(text, "=")
		parts := strings.Split(rest, "|")
		if len(parts) != 3 {
			return fmt.Errorf("--organisation %s is not ID=TITLE|AGREEMENT|LAST DAY", text)
		}
		p.Supervision.Organisations = append(p.Supervision.Organisations, policy.Organisation{ID: id, Title: parts[0], Agreement: parts[1], Until: parts[2]})
	}
	return nil
}

// cosigners names the witnesses in the policy.
func (s *supervising) cosigners(p *policy.Policy) error {
	for _, w := range s.witnesses {
		at := strings.Index(w, "=")
		if at < 0 {
			return fmt.Errorf("--witness %s is not URL=KEY", w)
		}
		url, key := w[:at], w[at+1:]
		if _, err := witness.NewClient(witness.ClientOptions{URL: url, Key: key}); err != nil {
			return fmt.Errorf("--witness: %w", err)
		}
		p.Supervision.Witnesses = append(p.Supervision.Witnesses, key)
		s.addresses.name(key, url)
	}
	return nil
}

// writeAddresses puts down where the witnesses are, beside those that are known.
func (s *supervising) writeAddresses() error {
	path := filepath.Join(s.dir, witnessesFile)
	var file reached
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	default:
		if err := strictYAML(path, "a list of witnesses", text, &file); err != nil {
			return err
		}
	}
	for _, w := range s.addresses.Witnesses {
		file.name(w.Key, w.URL)
	}
	return writeDurably(path, file.format(), 0o600)
}

// name says where the witness with a key is reached.
func (r *reached) name(key, url string) {
	for i := range r.Witnesses {
		if r.Witnesses[i].Key == key {
			r.Witnesses[i].URL = url
			return
		}
	}
	r.Witnesses = append(r.Witnesses, reachedWitness{key, url})
}

// format is witnesses.yaml.
func (r *reached) format() []byte {
	text := "# Where the witnesses that the policy names are reached.\nwitnesses:\n"
	for _, w := range r.Witnesses {
		text += fmt.Sprintf("  - {key: %s, url: %s}\n", yamlText(w.Key), yamlText(w.URL))
	}
	text += "# A file on another disk that keeps a copy of the newest checkpoint; make a new one empty first.\noutside: " + yamlText(r.Outside) + "\n"
	return []byte(text)
}

func (s *supervising) keys(p *policy.Policy) error {
	for _, text := range s.approvers {
		person, key, ok := strings.Cut(text, "=")
		if !ok {
			return fmt.Errorf("--approver %s is not PERSON=KEY", text)
		}
		p.Supervision.Approvers = append(p.Supervision.Approvers, policy.Approver{Person: person, Key: key})
	}
	return nil
}
