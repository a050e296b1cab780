package ledger

import (
	"time"

	"github.com/qunxiang/qunxiang/dp"
)

// Charge is a request whose cost is taken from every one of its scopes. Nothing
// in it comes from data: it is written before data is touched.
type Charge struct {
	ID             string // request id, never used twice
	Principal      string // who asks
	Organisation   string
	Grant          string // id of the grant it is asked under
	Purpose        string
	Template       string // id@version
	Catalogue      string // catalogue id of the template, may be empty
	TemplateDigest string
	Key            string // canonical key: the question without its accuracy
	Snapshot       string
	Epoch          int64    // opt-out epoch
	Scopes         []string // population/life and population/year; written in order
	Cost           dp.Cost  // taken from each scope
	Sigmas         map[string]float64
	Due            time.Time // the slot: whole seconds, after the leaf's own time
	Idempotency    string    // digest of the idempotency key, empty for none
	Policy         int64     // the GRANT leaf that it was decided under; format 2
	Request        string    // digest of the request as asked
	Rules          int64     // that it is held to; Ledger.Charge fills them in
}

// Type gives CHARGE.
func (c *Charge) Type() Type { return TypeCharge }

func (c *Charge) members(f *form, l *Leaf) {
	f.text("catalogue", &c.Catalogue)
	f.decimal("delta", &c.Cost.Delta)
	f.seconds("due", &c.Due)
	f.count("epoch", &c.Epoch)
	f.text("grant", &c.Grant)
	f.text("id", &c.ID)
	f.text("idempotency", &c.Idempotency)
	f.count("index", &l.Index)
	f.text("key", &c.Key)
	f.text("organisation", &c.Organisation)
	f.pad()
	if !f.old {
		f.count("policy", &c.Policy)
	}
	f.previous(l)
	f.text("principal", &c.Principal)
	f.text("purpose", &c.Purpose)
	f.text("request", &c.Request)
	f.decimal("rho", &c.Cost.Rho)
	f.rules(&c.Rules)
	f.texts("scopes", &c.Scopes)
	f.sigmas("sigmas", &c.Sigmas)
	f.text("snapshot", &c.Snapshot)
	f.text("template", &c.Template)
	f.text("template_digest", &c.TemplateDigest)
	f.end(l)
}

// end is the members every leaf ends with.
func (f *form) end(l *Leaf) {
	f.seconds("time", &l.Time)
	f.name("type")
	f.lit(`"` + string(l.Body.Type()) + `"`)
}

// Release is the one answer to a charge. Its leaf's time is the charge's slot.
type Release struct {
	Charge int64  // index of the CHARGE leaf
	ID     string // the charge's request id
	Digest string // SHA-256 of the answer's bytes, in hex
}

// Type gives RELEASE.
func (r *Release) Type() Type { return TypeRelease }

func (r *Release) members(f *form, l *Leaf) {
	f.count("charge", &r.Charge)
	f.text("digest", &r.Digest)
	f.text("id", &r.ID)
	f.count("index", &l.Index)
	f.pad()
	f.previous(l)
	f.end(l)
}

// Training is the Catalogue of charges for attempts of training jobs, whose Template
// is the feature template that the rows came from. Their abandons suspend nothing:
// an attempt fails with its network, not with its template.
const Training = "federated"

// Abandon says that a charge will never be released. It gives no reason: the
// reason might depend on the data.
type Abandon struct {
	Charge int64 // index of the CHARGE leaf
}

// Type gives ABANDON.
func (a *Abandon) Type() Type { return TypeAbandon }

func (a *Abandon) members(f *form, l *Leaf) {
	f.count("charge", &a.Charge)
	f.count("index", &l.Index)
	f.pad()
	f.previous(l)
	f.end(l)
}

// Replay says that a stored release was given to somebody, at no cost.
type Replay struct {
	ID           string // request id of this asking
	Release      int64  // index of the RELEASE leaf
	Grant        string // that it is handed out under, empty for who reads by role; format 2
	Principal    string
	Organisation string
	Purpose      string
	Idempotency  string // as in Charge
	Request      string // as in Charge
}

// Type gives REPLAY.
func (r *Replay) Type() Type { return TypeReplay }

func (r *Replay) members(f *form, l *Leaf) {
	if !f.old {
		f.text("grant", &r.Grant)
	}
	f.text("id", &r.ID)
	f.text("idempotency", &r.Idempotency)
	f.count("index", &l.Index)
	f.text("organisation", &r.Organisation)
	f.pad()
	f.previous(l)
	f.text("principal", &r.Principal)
	f.text("purpose", &r.Purpose)
	f.count("release", &r.Release)
	f.text("request", &r.Request)
	f.end(l)
}

// Deny says that a request was refused, and by which rule.
type Deny struct {
	Principal    string
	Organisation string // of the principal; may be empty
	Grant        string // the grant that came nearest; may be empty
	Template     string // as asked for, after it was found in the catalogue; may be empty
	Rule         string
}

// Type gives DENY.
func (d *Deny) Type() Type { return TypeDeny }

func (d *Deny) members(f *form, l *Leaf) {
	if !f.old {
		f.text("grant", &d.Grant)
	}
	f.count("index", &l.Index)
	if !f.old {
		f.text("organisation", &d.Organisation)
	}
	f.pad()
	f.previous(l)
	f.text("principal", &d.Principal)
	f.text("rule", &d.Rule)
	f.text("template", &d.Template)
	f.end(l)
}

// Snapshot says that a snapshot was loaded. Its name is a salted digest and
// tells nothing about the data.
type Snapshot struct {
	Snapshot string
	By       string // the principal who loaded it
}

// Type gives SNAPSHOT.
func (s *Snapshot) Type() Type { return TypeSnapshot }

func (s *Snapshot) members(f *form, l *Leaf) {
	f.text("by", &s.By)
	f.count("index", &l.Index)
	f.pad()
	f.previous(l)
	f.text("snapshot", &s.Snapshot)
	f.end(l)
}

// Resume lifts a template version's suspension.
type Resume struct {
	Template string   // id@version
	By       []string // the principals who cleared it; written in order
	Since    int64    // the ABANDON leaf that suspended it; Ledger.Resume fills it in
}

// Type gives RESUME.
func (r *Resume) Type() Type { return TypeResume }

func (r *Resume) members(f *form, l *Leaf) {
	f.texts("by", &r.By)
	f.count("index", &l.Index)
	f.pad()
	f.previous(l)
	if !f.old {
		f.count("since", &r.Since)
	}
	f.text("template", &r.Template)
	f.end(l)
}
