package federated

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/qunxiang/qunxiang/federated/glm"
	"github.com/qunxiang/qunxiang/policy"
)

// fill writes the defaults on the card, so that its digest covers them.
func (c *Card) fill(s glm.Spec) {
	c.Model.Rounds, c.Model.Bits, c.Model.Caps, c.Model.Response.Scale = s.Rounds, s.Bits, Caps(s.Caps), s.Response.Scale
	c.Privacy.Colluders, c.Privacy.Places = s.Colluders, s.Places
	if c.Expect.Exposure == 0 {
		c.Expect.Exposure = 1
	}
	if c.Expect.Dispersion == 0 {
		c.Expect.Dispersion = 1
	}
}

var jobName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// check refuses what cannot be trained or not be said in plain words, and fills in
// the defaults.
func (c *Card) check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrCard, fmt.Sprintf(format, args...))
	}
	day, err := time.Parse(time.DateOnly, c.Until)
	switch {
	case c.Version != "qunxiang-card/1":
		return bad("version must be qunxiang-card/1")
	case !jobName.MatchString(c.Job):
		return bad("job must be of lower case letters, digits and hyphens, at most 63")
	case !slices.Contains(policy.Purposes(), c.Purpose):
		return bad("purpose must be one of %s", strings.Join(policy.Purposes(), ", "))
	case err != nil || day.Format(time.DateOnly) != c.Until:
		return bad("until must be a day like 2026-12-31")
	case c.Deadlines.Phase < 1 || c.Deadlines.Phase > 86400 || c.Deadlines.Share < 1 || c.Deadlines.Share > 604800:
		return bad("deadlines must be 1 to 86400 seconds (phase) and 1 to 604800 (share)")
	case c.Deadlines.Pace < 0 || c.Deadlines.Pace > 500*c.Deadlines.Phase:
		return bad("deadlines: pace_ms must be 1 to %d, half of a phase's deadline", 500*c.Deadlines.Phase)
	case len(c.Recipients) == 0:
		return bad("recipients are missing")
	case c.Expect.People < 1 || c.Expect.People > c.Expect.PeoplePerNode*int64(len(c.Nodes)):
		return bad("expect.people must be at least 1 and fit the people of each node")
	}
	if err := c.Source.check(); err != nil {
		return err
	}
	if err := c.checkTexts(); err != nil {
		return err
	}
	if err := c.checkParties(); err != nil {
		return err
	}
	t, _, err := c.trainer()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCard, err)
	}
	switch t := t.(type) {
	case *glm.Plan:
		s := t.Spec()
		s.Bits = t.Bits()
		c.fill(s)
	case *glm.Network:
		s := t.Spec()
		c.fill(s.Model)
		w := *c.Model.Network
		w.ClipNorm = s.ClipNorm
		c.Model.Network = &w
	}
	return nil
}

var (
	templateRef   = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*@(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)$`)
	pairDigest    = regexp.MustCompile(`^[0-9a-f]{64}$`)
	parameterName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
)

const (
	maxParameter   = 2000 // bytes of one text
	maxParameters  = 100
	maxTemplateRef = 200
)

// check holds the source to what can be shown, signed and charged. Whether the
// template is there and fits the model, each node says for itself.
func (s Source) check() error {
	switch {
	case !templateRef.MatchString(s.Template) || len(s.Template) > maxTemplateRef:
		return fmt.Errorf("%w: source: template must be id@version, such as claim-frequency-features@1.0.0", ErrCard)
	case !pairDigest.MatchString(s.Digest):
		return fmt.Errorf("%w: source: digest must be the 64 hexadecimal digits of the certified template", ErrCard)
	case len(s.Parameters) == 0 || len(s.Parameters) > maxParameters:
		return fmt.Errorf("%w: source: parameters are needed, at least the window, and at most %d", ErrCard, maxParameters)
	}
	for name, text := range s.Parameters {
		if !parameterName.MatchString(name) || text == "" || !plain(text, maxParameter) {
			return fmt.Errorf("%w: source: a parameter's name or text is empty, too long or has characters that cannot be shown", ErrCard)
		}
	}
	return nil
}

// checkTexts holds every text to what can be shown and signed.
func (c *Card) checkTexts() error {
	texts := append([]string{c.Description, c.Model.Response.Name, c.Model.Response.Unit, c.Coordinator.Organisation}, c.Recipients...)
	for _, f := range c.Model.Features {
		if (len(f.Levels) == 0) != (f.Range != nil) || (f.CodeList != "") != (len(f.Levels) > 0) || f.CodeList != "" && f.Unit != "" {
			return fmt.Errorf("%w: feature %q needs a unit and range, or a code list's version and levels", ErrCard, f.Name)
		}
		if f.Range != nil && f.Unit == "" || f.CodeList != "" && !strings.Contains(f.CodeList, "@") {
			return fmt.Errorf("%w: feature %q needs a unit, or a code list as id@version", ErrCard, f.Name)
		}
		texts = append(texts, f.Name, f.Unit+f.CodeList)
		for _, l := range f.Levels {
			texts = append(texts, l.Name)
		}
	}
	for _, n := range c.Nodes {
		texts = append(texts, n.Name, n.Organisation)
	}
	for _, s := range texts {
		if s == "" || !plain(s, 200) {
			return fmt.Errorf("%w: a text is empty, over 200 bytes or has a quote, backslash or control character", ErrCard)
		}
	}
	return nil
}

// checkParties wants keys that are all different, but that an owner may own several
// nodes of one organisation.
func (c *Card) checkParties() error {
	owners := map[Key]string{}
	signing := map[Key]bool{c.Coordinator.Key: true}
	for _, n := range c.Nodes {
		signing[n.Key] = true
	}
	for _, n := range c.Nodes {
		if who, ok := owners[n.Owner]; ok && who != n.Organisation || signing[n.Owner] {
			return fmt.Errorf("%w: the owner's key of node %q is another party's or signs messages", ErrCard, n.Name)
		}
		owners[n.Owner] = n.Organisation
	}
	if err := c.Roster().Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrCard, err)
	}
	return nil
}
