package audit

// leaf is what the fold needs of a leaf; the texts are slices of its bytes.
type leaf struct {
	kind                                    string
	index, time                             int64
	due, epoch, ref                         int64 // ref: the leaf that a RELEASE, ABANDON, REPLAY or CLOSE is about
	end                                     int64 // of a RESERVE: first second after its last day
	cost                                    Cost
	id, principal, grant, purpose, template []byte
	snapshot, idempotency, digest           []byte
	organisation, catalogue                 []byte
	key, job, by, templateDigest            []byte     // key: of a CHARGE, a training's job; by: who asks for that, of a RESERVE
	list                                    [][]byte   // scopes of a CHARGE or RESERVE, people of a RESUME
	terms                                   *terms     // of a GRANT
	statement                               *statement // of an APPROVE
	previous                                []byte     // nil in format 1
	link                                    link       // previous, decoded
	raw                                     []byte
	passed                                  bool    // of an AUDIT
	noise                                   float64 // of a CHARGE: the sum of 1/(2 sigma^2)
	policy                                  int64   // of a CHARGE: the GRANT it was decided under
	rules                                   int64   // of a CHARGE or RESERVE: that it bears, 0 for none
	names                                   leafNames
}

// terms are what a GRANT puts in force.
type terms struct {
	population, mode string
	year, life       Cost
	grants           map[string]*grant

	by, k              string
	approvers, persons map[string]string // person to key, principal to person
	kept, quorum       int64             // kept: days
	witnesses          []string
	readers            map[string]string          // principal to organisation
	replaces, at       int64                      // the GRANT before, its own leaf
	content            string                     // what approvals bind; supervised only
	askers             map[string]bool            // people who may not approve it
	one                map[string]map[string]bool // sets of one person
}

type grant struct {
	id, principal       string
	organisation        string
	templates, purposes map[string]bool
	end                 int64 // first second after its last day
	quota               int64
}
