package audit

import (
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/qunxiang/qunxiang/policy/witness"
)

// covered is the fold at the size of the checkpoint.
type covered struct {
	reached bool
	head    link
	terms   *terms
}

// pins reads the auditor's own keys.
func (v *verifier) pins(o Options) (err error) {
	if o.SM2 != "" {
		if v.sm2, err = witness.NewSM2Verifier(strings.TrimSpace(o.SM2)); err != nil {
			return fmt.Errorf("%w: the SM2 key: %w", ErrUnusable, err)
		}
	}
	if len(o.Witnesses) > 0 {
		if v.needs, err = witness.NewPolicy(o.Witnesses, o.Quorum); err != nil {
			return fmt.Errorf("%w: witnesses: %w", ErrUnusable, err)
		}
	}
	return nil
}

// cosigned looks at who has signed the checkpoint besides the log's Ed25519 key: the
// witnesses whom the auditor or the policy in force names, and the SM2 key over the head
// of the SM3 chain.
func (v *verifier) cosigned() {
	r := v.report
	if v.signed == nil {
		return
	}
	needs := v.needs
	if t := v.at.terms; needs == nil && t != nil && t.mode == supervised && 0 < t.quorum && t.quorum <= int64(len(t.witnesses)) {
		var keys []string
		for _, key := range t.witnesses {
			keys = append(keys, string(key))
		}
		var err error
		if needs, err = witness.NewPolicy(keys, int(t.quorum)); err != nil {
			r.find(NotWitnessed, -1, "the policy names witnesses that are none: %v", err)
		}
	}
	if needs != nil {
		signed, err := needs.Check(v.text, time.Now())
		for _, s := range signed {
			r.Witnesses = append(r.Witnesses, s.Witness)
		}
		if err != nil {
			r.find(NotWitnessed, -1, "the checkpoint: %v", err)
		}
	}
	if v.sm2 != nil {
		v.national()
	}
}

func (v *verifier) national() {
	n, err := note.Open(v.text, note.VerifierList(v.sm2))
	if err != nil {
		v.report.find(SM2Invalid, -1, "the checkpoint is not signed by the SM2 key")
		return
	}
	want := v.at.head
	if head, ok := v.sm2.Head(n); v.at.reached && (!ok || link(head) != want) {
		v.report.find(SM2Invalid, -1, "the SM2 signature is over another SM3 chain than this log's")
	}
}
