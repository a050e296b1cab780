package audit

import "bytes"

func (c *cursor) charge(l *leaf) {
	l.kind = "CHARGE"
	l.catalogue = c.maybe(`{"catalogue":`)
	l.cost.Delta = c.decimal(`,"delta":`)
	l.due = c.count(`,"due":`)
	l.epoch = c.count(`,"epoch":`)
	l.grant = c.text(`,"grant":`)
	l.id = c.text(`,"id":`)
	l.idempotency = c.maybe(`,"idempotency":`)
	l.index = c.count(`,"index":`)
	l.key = c.text(`,"key":`)
	l.organisation = c.text(`,"organisation":`)
	c.padding()
	decided := c.has(`,"policy":`)
	if decided {
		l.policy = c.count(`,"policy":`)
	}
	c.link(l)
	c.bad = c.bad || decided == (l.previous == nil)
	l.principal = c.text(`,"principal":`)
	l.purpose = c.text(`,"purpose":`)
	c.text(`,"request":`)
	l.cost.Rho = c.decimal(`,"rho":`)
	c.rules(l)
	l.list = c.ordered(`,"scopes":`, l.list)
	l.noise = c.sigmas(`,"sigmas":`)
	l.snapshot = c.text(`,"snapshot":`)
	l.template = c.version(`,"template":`)
	l.templateDigest = c.text(`,"template_digest":`)
	c.bad = c.bad || l.cost.Rho == 0
}

// version is a template's id@version.
func (c *cursor) version(name string) []byte {
	s := c.text(name)
	at := bytes.IndexByte(s, '@')
	c.bad = c.bad || at < 1 || at == len(s)-1
	return s
}

func (c *cursor) release(l *leaf) {
	l.kind = "RELEASE"
	l.ref = c.count(`{"charge":`)
	l.digest = c.text(`,"digest":`)
	var sum link
	c.bad = c.bad || len(l.digest) != 2*len(sum) || !unhex(&sum, l.digest)
	l.id = c.text(`,"id":`)
	l.index = c.count(`,"index":`)
	c.padding()
	c.link(l)
}

func (c *cursor) replay(l *leaf) {
	l.kind = "REPLAY"
	id, under := `{"id":`, c.has(`{"grant":`)
	if under {
		l.grant, id = c.maybe(`{"grant":`), `,"id":`
	}
	l.id = c.text(id)
	l.idempotency = c.maybe(`,"idempotency":`)
	l.index = c.count(`,"index":`)
	l.organisation = c.text(`,"organisation":`)
	c.padding()
	c.link(l)
	c.bad = c.bad || under == (l.previous == nil)
	l.principal = c.text(`,"principal":`)
	l.purpose = c.text(`,"purpose":`)
	l.ref = c.count(`,"release":`)
	c.text(`,"request":`)
}

func (c *cursor) deny(l *leaf) {
	l.kind = "DENY"
	if c.old {
		l.index = c.count(`{"index":`)
	} else {
		c.maybe(`{"grant":`)
		l.index = c.count(`,"index":`)
		c.maybe(`,"organisation":`)
	}
	c.padding()
	c.link(l)
	c.text(`,"principal":`)
	c.text(`,"rule":`)
	c.maybe(`,"template":`)
}

func (c *cursor) snapshot(l *leaf) {
	l.kind = "SNAPSHOT"
	l.principal = c.text(`{"by":`)
	l.index = c.count(`,"index":`)
	c.padding()
	c.link(l)
	l.snapshot = c.text(`,"snapshot":`)
}

func (c *cursor) resume(l *leaf) {
	l.kind = "RESUME"
	l.list = c.ordered(`{"by":`, l.list)
	l.index = c.count(`,"index":`)
	c.padding()
	c.link(l)
	if !c.old {
		l.ref = c.count(`,"since":`)
	}
	l.template = c.version(`,"template":`)
	c.bad = c.bad || len(l.list) == 0
}

func (c *cursor) limit(name string) Cost {
	c.lit(name)
	delta := c.decimal(`{"delta":`)
	rho := c.decimal(`,"rho":`)
	c.lit(`}`)
	c.bad = c.bad || rho == 0
	return Cost{Rho: rho, Delta: delta}
}
