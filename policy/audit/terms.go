package audit

import (
	"bytes"
	"encoding/base64"

	"github.com/qunxiang/qunxiang/policy/witness"
)

func (c *cursor) grant(l *leaf) {
	l.kind = "GRANT"
	t := &terms{grants: map[string]*grant{}, approvers: map[string]string{}, persons: map[string]string{}, readers: map[string]string{}}
	open := `{"caps":`
	if !c.old {
		c.approvers(t)
		t.by = string(c.maybe(`,"by":`))
		open = `,"caps":`
	}
	c.lit(open)
	t.life = c.limit(`{"life":`)
	t.year = c.limit(`,"year":`)
	c.lit(`}`)
	if !c.old {
		for _, key := range c.ordered(`,"cosigners":{"keys":`, nil) {
			t.witnesses = append(t.witnesses, string(key)) // terms outlive the bytes they were read from
		}
		t.quorum = c.count(`,"quorum":`)
		c.lit(`}`)
	}
	c.each(`,"grants":`, func() {
		g := c.granted()
		c.bad = c.bad || t.grants[g.id] != nil
		t.grants[g.id] = g
	})
	l.index = c.count(`,"index":`)
	if !c.old {
		t.k = string(c.maybe(`,"k":`))
	}
	t.mode = string(c.text(`,"mode":`))
	c.padding()
	if !c.old {
		c.persons(t)
	}
	c.text(`,"policy":`)
	t.population = string(c.text(`,"population":`))
	c.link(l)
	if !c.old {
		c.readers(t)
		t.replaces = c.place(`,"replaces":`)
		t.kept = c.count(`,"retention_days":`)
	}
	c.bad = c.bad || t.kept > mostKept || t.mode != supervised && (t.mode != evaluation || len(t.approvers) > 0) || c.old && t.mode == supervised
	l.terms = t
}

// each reads the elements of a list.
func (c *cursor) each(name string, one func()) {
	c.lit(name)
	c.lit(`[`)
	for n := 0; !c.bad && c.at < len(c.b) && c.b[c.at] != ']'; n++ {
		if n > 0 {
			c.lit(`,`)
		}
		one()
	}
	c.lit(`]`)
}

// approvers are persons in order, each with a key of their own.
func (c *cursor) approvers(t *terms) {
	var last []byte
	keys := map[string]bool{}
	c.each(`{"approvers":`, func() {
		key := string(c.text(`{"key":`))
		person := c.text(`,"person":`)
		c.lit(`}`)
		b, err := base64.StdEncoding.Strict().DecodeString(key)
		c.bad = c.bad || err != nil || !witness.SoundKey(b) || keys[key] || bytes.Compare(last, person) >= 0
		keys[key], last = true, person
		t.approvers[string(person)] = key
	})
}

// persons are who stands behind principals, in the order of those.
func (c *cursor) persons(t *terms) {
	var last []byte
	c.each(`,"persons":`, func() {
		person := c.text(`{"person":`)
		principal := c.text(`,"principal":`)
		c.lit(`}`)
		c.bad = c.bad || bytes.Compare(last, principal) >= 0
		last = principal
		t.persons[string(principal)] = string(person)
	})
}

// readers are who reads every release by their role, in the order of principals.
func (c *cursor) readers(t *terms) {
	var last []byte
	c.each(`,"readers":`, func() {
		organisation := c.text(`{"organisation":`)
		principal := c.text(`,"principal":`)
		c.lit(`}`)
		c.bad = c.bad || bytes.Compare(last, principal) >= 0
		last = principal
		t.readers[string(principal)] = string(organisation)
	})
}

func (c *cursor) granted() *grant {
	g := &grant{id: string(c.text(`{"id":`))}
	if !c.old {
		g.organisation = string(c.maybe(`,"organisation":`))
	}
	g.principal = string(c.text(`,"principal":`))
	g.purposes = c.texts(`,"purposes":`)
	g.quota = c.decimal(`,"quota_rho":`)
	g.templates = c.texts(`,"templates":`)
	g.end = c.day(`,"until":`)
	c.lit(`}`)
	return g
}
