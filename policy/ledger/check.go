package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/qunxiang/qunxiang/dp"
)

// maxText is the longest text in a leaf, in bytes.
const maxText = 512

// checkTexts takes pairs of a member's name and its text, none of them empty.
func checkTexts(pairs ...string) error {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			return fmt.Errorf("%w: %s is empty", ErrLeaf, pairs[i])
		}
		if err := checkText(pairs[i], pairs[i+1]); err != nil {
			return err
		}
	}
	return nil
}

func checkText(name, s string) error {
	if len(s) > maxText || !safe([]byte(s)) {
		return fmt.Errorf("%w: %s has a control character, a quote or a backslash, or is over %d bytes", ErrLeaf, name, maxText)
	}
	return nil
}

// checkList wants texts that are neither empty nor doubled, in order where sorted.
func checkList(name string, list []string, sorted bool) error {
	seen := make(map[string]bool, len(list))
	for _, s := range list {
		if err := checkTexts(name, s); err != nil {
			return err
		}
		if seen[s] {
			return fmt.Errorf("%w: %s has a double", ErrLeaf, name)
		}
		seen[s] = true
	}
	if sorted && !slices.IsSorted(list) {
		return fmt.Errorf("%w: %s is not in order", ErrLeaf, name)
	}
	return nil
}

func checkTime(name string, t time.Time) error {
	if t.Nanosecond() != 0 || t.Unix() < 0 || t.Unix() > maxCount {
		return fmt.Errorf("%w: %s is not a whole second after 1970", ErrLeaf, name)
	}
	return nil
}

func checkCount(name string, n int64) error {
	if n < 0 || n > maxCount {
		return fmt.Errorf("%w: %s is out of range", ErrLeaf, name)
	}
	return nil
}

// checkDigest wants a SHA-256 in small hex digits.
func checkDigest(name, s string) error {
	if b, err := hex.DecodeString(s); err != nil || len(b) != sha256.Size || strings.ToLower(s) != s {
		return fmt.Errorf("%w: %s is not a SHA-256 in small hex digits", ErrLeaf, name)
	}
	return nil
}

func checkTemplate(s string) error {
	id, version, ok := strings.Cut(s, "@")
	if !ok || id == "" || version == "" {
		return fmt.Errorf("%w: template is not id@version", ErrLeaf)
	}
	return nil
}

func (c *Charge) check() error {
	err := checkTexts("id", c.ID, "principal", c.Principal, "organisation", c.Organisation, "grant", c.Grant,
		"purpose", c.Purpose, "template", c.Template, "template_digest", c.TemplateDigest, "key", c.Key,
		"snapshot", c.Snapshot, "request", c.Request)
	for _, e := range []error{err, checkText("catalogue", c.Catalogue), checkText("idempotency", c.Idempotency),
		checkTemplate(c.Template), checkList("scopes", c.Scopes, true), checkCount("epoch", c.Epoch), checkCount("policy", c.Policy), checkTime("due", c.Due), checkRules(c.Rules)} {
		if e != nil {
			return e
		}
	}
	if c.Cost.Rho <= 0 || c.Cost.Delta < 0 {
		return fmt.Errorf("%w: a charge costs something", ErrLeaf)
	}
	if len(c.Sigmas) == 0 {
		return fmt.Errorf("%w: sigmas are missing", ErrLeaf)
	}
	for channel, sigma := range c.Sigmas {
		if err := checkTexts("channel", channel); err != nil {
			return err
		}
		if !finite(sigma) {
			return fmt.Errorf("%w: sigma is not a positive number", ErrLeaf)
		}
	}
	return nil
}

func (r *Release) check() error {
	for _, err := range []error{checkCount("charge", r.Charge), checkDigest("digest", r.Digest)} { // in one spelling: it is compared
		if err != nil {
			return err
		}
	}
	return checkTexts("id", r.ID)
}

func (a *Abandon) check() error { return checkCount("charge", a.Charge) }

func (r *Replay) check() error {
	for _, err := range []error{checkCount("release", r.Release), checkText("idempotency", r.Idempotency), checkText("grant", r.Grant)} {
		if err != nil {
			return err
		}
	}
	return checkTexts("id", r.ID, "principal", r.Principal, "organisation", r.Organisation, "purpose", r.Purpose, "request", r.Request)
}

func (d *Deny) check() error {
	for _, err := range []error{checkText("template", d.Template), checkText("organisation", d.Organisation), checkText("grant", d.Grant)} {
		if err != nil {
			return err
		}
	}
	return checkTexts("principal", d.Principal, "rule", d.Rule)
}

func (s *Snapshot) check() error { return checkTexts("snapshot", s.Snapshot, "by", s.By) }

func (r *Resume) check() error {
	if len(r.By) == 0 {
		return fmt.Errorf("%w: nobody resumes", ErrLeaf)
	}
	if err := checkList("by", r.By, true); err != nil {
		return err
	}
	if err := checkCount("since", r.Since); err != nil {
		return err
	}
	return checkTemplate(r.Template)
}

func (g *Grant) check() error {
	if err := checkTexts("population", g.Population, "policy", g.Policy, "mode", g.Mode); err != nil {
		return err
	}
	if err := g.checkSupervision(); err != nil {
		return err
	}
	for _, c := range []dp.Cost{g.Year, g.Life} {
		if c.Rho <= 0 || c.Delta < 0 {
			return fmt.Errorf("%w: a cap is not positive", ErrLeaf)
		}
	}
	if err := g.checkReaders(); err != nil {
		return err
	}
	ids := map[string]bool{}
	for _, e := range g.Grants {
		if ids[e.ID] {
			return fmt.Errorf("%w: grant id is used twice", ErrLeaf)
		}
		ids[e.ID] = true
		if err := e.check(); err != nil {
			return err
		}
	}
	return nil
}

// checkReaders wants readers in the order of principals, each once.
func (g *Grant) checkReaders() error {
	var principals []string
	for _, e := range g.Readers {
		if err := checkTexts("organisation", e.Organisation); err != nil {
			return err
		}
		principals = append(principals, e.Principal)
	}
	if g.Replaces < -1 || g.Replaces > maxCount {
		return fmt.Errorf("%w: replaces is no leaf", ErrLeaf)
	}
	return checkList("readers", principals, true)
}

func (g *Granted) check() error {
	for _, err := range []error{checkTexts("id", g.ID, "principal", g.Principal),
		checkText("organisation", g.Organisation),
		checkList("templates", g.Templates, false), checkList("purposes", g.Purposes, false)} {
		if err != nil {
			return err
		}
	}
	if day, err := time.Parse(time.DateOnly, g.Until); err != nil || day.Format(time.DateOnly) != g.Until || g.QuotaRho < 0 {
		return fmt.Errorf("%w: grant has no last day, or a negative quota", ErrLeaf)
	}
	return nil
}
