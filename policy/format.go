package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// writer puts down lines of YAML.
type writer struct{ strings.Builder }

func (w *writer) line(format string, args ...any) {
	fmt.Fprintf(w, format+"\n", args...)
}

// Format writes the policy as a file with the usual explanations. Parse of it gives the
// same policy; comments of another file are not kept.
func (p *Policy) Format() []byte {
	w := &writer{}
	if p.Mode == ModeEvaluation {
		w.line("# Policy of an evaluation domain: no approvals or witnesses are required, and every")
		w.line("# receipt says so. Unknown keys are refused.")
	} else {
		w.line("# Policy of a supervised domain. A change is in force once two approvers, neither its")
		w.line("# author nor anybody whom it grants something, have signed it. Unknown keys are refused.")
	}
	w.line("version: 1\nmode: %s", p.Mode)
	w.line("\n# The people under this domain's key. Budgets belong to them.\npopulation: %s", scalar(p.Population))
	p.writeSupervision(w)
	w.line("\n# The public size of the population, where it may be known. With it, estimates warn of")
	w.line("# tables that would be mostly empty. 0: undeclared.\npublic_people: %d", p.PublicPeople)
	if p.publicWindow != "" {
		w.line("\n# The days the data are declared to hold. Questions about others are refused.\npublic_window: %s", p.publicWindow)
	}
	p.writeLimits(w)
	if len(p.Regions) > 0 {
		w.line("\n# The public list of regions.\nregions: %s", flow(p.Regions))
	}
	w.line("\nprincipals:")
	for _, x := range p.Principals {
		x.write(w)
	}
	w.line("\n# A request that names no purpose is for the first one of its grant, where its template")
	w.line("# allows that, or for the only one that fits.")
	w.line("grants:%s", map[bool]string{true: " []"}[len(p.Grants) == 0])
	for _, g := range p.Grants {
		g.write(w)
	}
	return []byte(w.String())
}

func (p *Policy) writeSupervision(w *writer) {
	s := p.Supervision
	if p.Mode != ModeSupervised {
		return
	}
	w.line("\n# Whose data they are, and the principal who puts this version forward.")
	w.line("owner: %s\nauthor: %s", strconv.Quote(s.Owner), scalar(s.Author))
	w.line("\n# Whose people may ask, and the agreement with the owner that lets them.\norganisations:")
	for _, o := range s.Organisations {
		w.line("  - {id: %s, title: %s, agreement: %s, until: %s}", scalar(o.ID), strconv.Quote(o.Title), strconv.Quote(o.Agreement), o.Until)
	}
	w.line("\n# Whose signatures count: people of the steward's or regulator's side.\napprovers:")
	for _, a := range s.Approvers {
		w.line("  - {person: %s, key: %s}", strconv.Quote(a.Person), strconv.Quote(a.Key))
	}
	w.line("\n# Who must have cosigned the log, and how many of them.\nwitnesses:\n  quorum: %d\n  keys:", s.Quorum)
	for _, key := range s.Witnesses {
		w.line("    - %s", strconv.Quote(key))
	}
	w.line("\n# Days that released files are kept, at least.\nretention_days: %d", s.Retention)
}

func (p *Policy) writeLimits(w *writer) {
	k, floor := strconv.Itoa(p.K), p.K
	if p.NoisyK {
		k = "noisy"
	}
	if p.floor > 0 {
		floor = p.floor
	}
	w.line("\n# The fewest people a group may have, at least k_floor; or noisy: public groups are then")
	w.line("# judged by their noisy count alone, private ones by k_floor.\nk: %s\nk_floor: %d", k, floor)
	w.line("\n# Budgets, for ever: caps are never raised or refilled.")
	w.line("caps:\n  year: %s\n  life: %s", p.Caps.Year, p.Caps.Life)
	w.line("\n# The delta at which an epsilon is shown. It decides nothing.\nconversion_delta: %s", number(p.ConversionDelta))
	w.line("\n# How long after its charge an answer appears, never earlier and never later.")
	w.line("slots:\n  undeclared: %s\n  classes:", brief(p.Undeclared))
	for _, c := range p.Classes {
		w.line("    - {people: %d, slot: %s}", c.People, brief(c.Slot))
	}
}

// String writes a cap as the file has it.
func (c Cap) String() string {
	return fmt.Sprintf("{epsilon: %s, delta: %s}", number(c.Epsilon), number(c.Delta))
}

// number writes 10 and 1e-9.
func number(x float64) string {
	s := strconv.FormatFloat(x, 'g', -1, 64)
	return strings.Replace(strings.Replace(s, "e-0", "e-", 1), "e+0", "e+", 1)
}

func (x Principal) write(w *writer) {
	roles := make([]string, len(x.Roles))
	for i, r := range x.Roles {
		roles[i] = string(r)
	}
	person := ""
	if x.Person != "" {
		person = ", person: " + strconv.Quote(x.Person)
	}
	head := fmt.Sprintf("{id: %s, organisation: %s%s, roles: %s", scalar(x.ID), scalar(x.Organisation), person, flow(roles))
	if len(x.Certificates) > 0 {
		head += ", certificates: " + flow(quoted(x.Certificates))
	}
	if len(x.Accounts) > 0 {
		var accounts []string
		for _, a := range x.Accounts {
			accounts = append(accounts, fmt.Sprintf("{issuer: %s, subject: %s}", strconv.Quote(a.Issuer), strconv.Quote(a.Subject)))
		}
		head += ", accounts: " + flow(accounts)
	}
	w.line("  - %s}", head)
}

func (g Grant) write(w *writer) {
	w.line("  - id: %s\n    principal: %s\n    until: %s", scalar(g.ID), scalar(g.Principal), g.Until)
	if g.QuotaRho > 0 {
		w.line("    quota_rho: %s", number(g.QuotaRho))
	}
	w.line("    purposes: %s\n    templates: %s", flow(g.Purposes), flow(g.Templates))
}

func flow(list []string) string { return "[" + strings.Join(list, ", ") + "]" }

// scalar quotes what is not a plain name.
func scalar(s string) string {
	if namePattern.MatchString(s) && !slices.Contains([]string{"true", "false", "null", "yes", "no", "on", "off"}, s) && !isNumber(s) {
		return s
	}
	return strconv.Quote(s)
}

func isNumber(s string) bool {
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}

func quoted(list []string) []string {
	out := slices.Clone(list)
	for i := range out {
		out[i] = strconv.Quote(out[i])
	}
	return out
}

// brief writes 3m for 3m0s and 5h for 5h0m0s.
func brief(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
