package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/qunxiang/qunxiang/federated"
)

// nodeSettings are node.yaml: what a node's own operator decides. Its YAML is the
// manual: see write.
type nodeSettings struct {
	Coordinator    string `yaml:"coordinator"`
	CoordinatorKey string `yaml:"coordinator_key"`
	Name           string `yaml:"name"`
	Organisation   string `yaml:"organisation"`
	Limits         struct {
		Rho       string   `yaml:"rho"`
		Windows   []string `yaml:"windows"`
		SecondJob bool     `yaml:"second_job"`
	} `yaml:"limits"`
	Poll time.Duration `yaml:"poll"`
	Slot time.Duration `yaml:"slot"`

	limits         federated.Limits
	coordinatorKey *federated.Key // nil: any
}

const nodeYAML = `# Settings of this node, its operator's own. Unknown keys are refused.

# Where the coordinator is. The node calls it; nobody calls the node.
coordinator: %q

# Its signing key, as cards have it. Cards with another are refused. "": any, the card says.
coordinator_key: %q

# This node's name and organisation on job cards.
name: %q
organisation: %q

limits:
  # The most that a job may cost a person, spare attempts included, in rho;
  # "0" for no limit but the budget's caps in policy.yaml.
  rho: "0"

  # When attempts may begin, in UTC, like ["20:00-06:00"]. Empty: always.
  windows: []

  # Whether a second job may use a snapshot that served one. It is charged in full;
  # still, whoever compares two sums of nearly the same people learns of the difference.
  second_job: false

# How long to wait between two calls to the coordinator that brought nothing new.
poll: 500ms

# How long after its charge an attempt is closed in the ledger: as released if its sum
# has come by then, else as abandoned. Charged it is in either case.
slot: 1m
`

// text is a new node.yaml.
func (s *nodeSettings) text() []byte {
	return fmt.Appendf(nil, nodeYAML, s.Coordinator, s.CoordinatorKey, s.Name, s.Organisation)
}

func (n nodeFolder) settings() (*nodeSettings, error) {
	path := n.path("node.yaml")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &exitError{exitUsage, fmt.Errorf("%s is not there: qunxiang node enroll makes it", path)}
	}
	if err != nil {
		return nil, err
	}
	s, err := parseNodeSettings(path, text)
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	return s, nil
}

func parseNodeSettings(path string, text []byte) (*nodeSettings, error) {
	s := &nodeSettings{}
	s.Limits.Rho, s.Poll, s.Slot = "0", 500*time.Millisecond, time.Minute
	if err := strictYAML(path, "a node's settings", text, s); err != nil {
		return nil, err
	}
	switch {
	case s.Coordinator == "" || s.Name == "" || s.Organisation == "":
		return nil, fmt.Errorf("%s: coordinator, name and organisation are required", path)
	case s.Slot < time.Second || s.Slot > 24*time.Hour:
		return nil, fmt.Errorf("%s: slot must be from 1s to 24h", path)
	case s.Poll < 10*time.Millisecond || s.Poll > time.Hour:
		return nil, fmt.Errorf("%s: poll must be from 10ms to 1h", path)
	}
	if s.CoordinatorKey != "" {
		s.coordinatorKey = &federated.Key{}
		if err := s.coordinatorKey.UnmarshalText([]byte(s.CoordinatorKey)); err != nil {
			return nil, fmt.Errorf("%s: coordinator_key: want a key as on cards", path)
		}
	}
	s.limits.SecondJob = s.Limits.SecondJob
	if err := s.limits.Rho.UnmarshalText([]byte(s.Limits.Rho)); err != nil {
		return nil, fmt.Errorf("%s: limits.rho: want a number such as \"0.5\"", path)
	}
	for _, text := range s.Limits.Windows {
		w, err := parseWindow(text)
		if err != nil {
			return nil, fmt.Errorf("%s: limits.windows: %w", path, err)
		}
		s.limits.Windows = append(s.limits.Windows, w)
	}
	return s, nil
}

// parseWindow reads 20:00-06:00.
func parseWindow(text string) (w federated.Window, err error) {
	from, to, ok := strings.Cut(text, "-")
	bad := fmt.Errorf("%q is not a window such as 20:00-06:00", text)
	if !ok {
		return w, bad
	}
	for _, half := range []struct {
		text string
		into *time.Duration
	}{{from, &w.From}, {to, &w.To}} {
		at, err := time.Parse("15:04", half.text)
		if err != nil {
			return w, bad
		}
		*half.into = time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
	}
	if w.From == w.To {
		return w, bad
	}
	return w, nil
}
