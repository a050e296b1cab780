package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"unicode"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/federated/secagg"
	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
)

// kind is a kind of problem: the stable part of its type, its HTTP status, its
// title, and the detail that goes with it unless the error says more.
type kind struct {
	name   string
	status int
	title  string
	detail string
}

// The kinds of problems. A name, once given out, is never reused or changed.
var (
	internalError   = kind{"internal", http.StatusInternalServerError, "Internal error", ""}
	wrongClock      = kind{"clock", http.StatusServiceUnavailable, "The domain's clock is not to be believed; nothing was charged", ""}
	noSigner        = kind{"no-log-key", http.StatusServiceUnavailable, "The key that signs the log is not here; nothing was charged", ""}
	notMet          = kind{"not-met", http.StatusServiceUnavailable, "The domain takes nothing yet", "Those who keep the newest checkpoint of its log have not been met since it was started. Nothing was charged or written; what is stored can be read. Ask again in a while."}
	noWitness       = kind{"no-witness", http.StatusServiceUnavailable, "The witnesses of the log are out of reach; nothing was charged", ""}
	unavailable     = kind{"unavailable", http.StatusServiceUnavailable, "Not available now", ""}
	noSnapshot      = kind{"no-snapshot", http.StatusServiceUnavailable, "The domain holds no snapshot", ""}
	busy            = kind{"busy", http.StatusServiceUnavailable, "Not taken in time", "Ask again, with the same Idempotency-Key if there was one."}
	engineBusy      = kind{"engine-busy", http.StatusServiceUnavailable, "Too many requests are running", "Nothing was charged. Ask again in a while."}
	inFlight        = kind{"too-many-in-flight", http.StatusTooManyRequests, "Too many of your requests are waiting for their answers", "Nothing was charged. Ask again when one of them is due."}
	unauthenticated = kind{"unauthenticated", http.StatusUnauthorized, "A valid token, certificate or session is needed", ""}
	crossOrigin     = kind{"cross-origin", http.StatusForbidden, "Sent by another site's page", ""}
	refused         = kind{"refused", http.StatusForbidden, "Refused by the policy", ""}
	budgetExhausted = kind{"budget-exhausted", http.StatusConflict, "Privacy budget exhausted", ""}
	suspended       = kind{"template-suspended", http.StatusConflict, "Template suspended", "This template version awaits a decision of the data steward."}
	unknownTemplate = kind{"unknown-template", http.StatusNotFound, "No such template", ""}
	unknownRequest  = kind{"unknown-request", http.StatusNotFound, "No such request or release", ""}
	notDue          = kind{"not-due", http.StatusConflict, "Not due yet", "The answer comes at its due time, never earlier."}
	finished        = kind{"finished", http.StatusConflict, "Already released or abandoned", ""}
	abandoned       = kind{"abandoned", http.StatusGone, "Charged and abandoned", "This request was charged and will never be answered."}
	parameter       = kind{"parameter", http.StatusUnprocessableEntity, "Parameter refused", ""}
	accuracy        = kind{"accuracy", http.StatusUnprocessableEntity, "Accuracy or cost refused", ""}
	question        = kind{"question", http.StatusUnprocessableEntity, "The question cannot be priced", ""}
	mostlyEmpty     = kind{"mostly-empty", http.StatusUnprocessableEntity, "The table would be mostly empty", ""}
	price           = kind{"price", http.StatusConflict, "The price is above what was agreed to", ""}
	idempotency     = kind{"idempotency-key", http.StatusUnprocessableEntity, "Idempotency-Key refused", "It was used for another request."}
	duplicate       = kind{"duplicate", http.StatusConflict, "The same request is being taken", "Ask again with the same Idempotency-Key."}
	malformed       = kind{"malformed", http.StatusBadRequest, "The body is not acceptable JSON", ""}
	invalid         = kind{"validation", http.StatusUnprocessableEntity, "The request has not the right form", ""}
	tooLarge        = kind{"too-large", http.StatusRequestEntityTooLarge, "The request is too large", ""}
	mediaType       = kind{"media-type", http.StatusUnsupportedMediaType, "The body must be application/json", ""}
	notAcceptable   = kind{"not-acceptable", http.StatusNotAcceptable, "No such format", "The formats are json, csv, arrow, parquet and xlsx."}
	noRoute         = kind{"no-such-route", http.StatusNotFound, "No such route", ""}
	noMethod        = kind{"no-such-method", http.StatusMethodNotAllowed, "No such method here", ""}
	jobCard         = kind{"job-card", http.StatusUnprocessableEntity, "The job card cannot be used", ""}
	statement       = kind{"statement", http.StatusUnprocessableEntity, "Not this party's statement on this card", ""}
	notTaken        = kind{"not-taken", http.StatusConflict, "Not taken by this job", ""}
	itemForm        = kind{"item-malformed", http.StatusUnprocessableEntity, "The item cannot be read", ""}
	sumForm         = kind{"sum-malformed", http.StatusUnprocessableEntity, "The message of the secure sum cannot be read", ""}
	sumOrder        = kind{"sum-order", http.StatusConflict, "Not now in this attempt", ""}
	sumRoster       = kind{"sum-roster", http.StatusUnprocessableEntity, "Not on the roster", ""}
	sumContext      = kind{"sum-context", http.StatusConflict, "Of another job, round or attempt", ""}
	sumSignature    = kind{"sum-signature", http.StatusUnprocessableEntity, "The message's signature does not verify", ""}
	sumEvidence     = kind{"sum-evidence", http.StatusConflict, "Two different messages for one phase", "Both are kept as evidence; the first stands."}
	sumCommitment   = kind{"sum-commitment", http.StatusUnprocessableEntity, "The part does not open its commitment", ""}
	requestSigned   = kind{"request-signature", http.StatusForbidden, "The request signature is not accepted", ""}
	notMember       = kind{"not-a-member", http.StatusForbidden, "Not a party to this job", "The job's card does not name the key that signed the request."}
	certificate     = kind{"client-certificate", http.StatusForbidden, "The client certificate is not accepted", ""}
	unknownJob      = kind{"unknown-job", http.StatusNotFound, "No such job", ""}
	enrolment       = kind{"enrolment", http.StatusUnprocessableEntity, "The enrolment is not accepted", ""}
	noEnrolment     = kind{"unknown-enrolment", http.StatusNotFound, "No such enrolment", ""}
	enrolled        = kind{"name-enrolled", http.StatusConflict, "The name is enrolled with other keys", ""}
	fingerprint     = kind{"fingerprint", http.StatusConflict, "The fingerprint is not that of the enrolment", "Compare it again with the node's operator, by another way than this one."}
	enrolmentsFull  = kind{"too-many-enrolments", http.StatusTooManyRequests, "Too many enrolments are waiting", "The coordinator's operator has to approve or remove some."}
	repeats         = kind{"too-many-repeats", http.StatusTooManyRequests, "Too many repeats of stored answers", "Each is a leaf of the log, for ever. Nothing was charged. Ask again in a while; the answers you have stay yours."}
	tooFast         = kind{"too-many-requests", http.StatusTooManyRequests, "Too many requests", "Nothing was charged. Ask again in a while."}
	tooMany         = kind{"too-many-streams", http.StatusTooManyRequests, "Too many open event streams", ""}
)

func (k kind) problem() *Problem {
	return &Problem{Type: problemType + k.name, Title: k.title, Status: k.status, Detail: k.detail}
}

func (k kind) because(detail string) *Problem {
	p := k.problem()
	p.Detail = detail
	return p
}

// problemMap gives each error its kind; the first that fits counts. Where says
// is true the error's own text is the detail: it quotes nothing but the
// request, the template and the policy. Errors that a request cannot cause are
// here too, as bare internal errors, so that the list is complete.
var problemMap = []struct {
	err  error
	kind kind
	says bool
}{
	{queries.ErrUnknownTemplate, unknownTemplate, true},
	{queries.ErrFeatures, unknownTemplate, true}, // always an ErrUnknownTemplate besides
	{queries.ErrContract, internalError, false},  // of training, not of a question
	{queries.ErrUnknownRequest, unknownRequest, false},
	{queries.ErrMostlyEmpty, mostlyEmpty, true},
	{queries.ErrPrice, price, true},
	{queries.ErrNoSnapshot, noSnapshot, false},
	{queries.ErrSuspended, suspended, false},
	{queries.ErrBusy, engineBusy, false},
	{queries.ErrTooMany, inFlight, true},
	{queries.ErrTooFast, repeats, false},
	{queries.ErrUnlogged, unavailable, false},
	{queries.ErrNoEngine, unavailable, false},
	{queries.ErrOrder, internalError, false},
	{queries.ErrReceipt, internalError, false},
	{queries.ErrAudit, internalError, false}, // of an audit, not of a question
	{queries.ErrIdempotency, idempotency, false},
	{queries.ErrAbandoned, abandoned, false},
	{queries.ErrTemplate, internalError, false},
	{policy.ErrPolicy, internalError, false},

	{dp.ErrTooManyCells, question, true},
	{dp.ErrOverflow, question, true},
	{dp.ErrBounds, question, true},
	{dp.ErrSpec, question, true},
	{dp.ErrDelta, internalError, false},
	{queries.ErrParameter, parameter, true},
	{queries.ErrNoMoney, parameter, true},
	{queries.ErrAccuracy, accuracy, true},
	{dp.ErrTooPrecise, accuracy, true},
	{dp.ErrTooCoarse, accuracy, true},
	{dp.ErrAccuracy, accuracy, true},
	{dp.ErrWant, accuracy, true},
	{dp.ErrUnknownMeasure, accuracy, true},
	{dp.ErrReference, accuracy, true},
	{dp.ErrCost, accuracy, true},
	{dp.ErrReleased, internalError, false},
	{dp.ErrMismatch, internalError, false},
	{dp.ErrTable, internalError, false},
	{dp.ErrBatch, internalError, false},
	{dp.ErrPeople, internalError, false},
	{dp.ErrNoise, internalError, false},
	{dp.ErrSealed, internalError, false},
	{dp.ErrClaim, internalError, false},  // of an audit, not of a question
	{dp.ErrShares, internalError, false}, // of training, not of a question

	{ledger.ErrBudget, budgetExhausted, false}, // scope and rho_left say it
	{ledger.ErrSuspended, suspended, false},
	{ledger.ErrDuplicate, duplicate, false},
	{ledger.ErrConflict, internalError, false}, // of training, not of a question
	{ledger.ErrAbandoned, abandoned, false},
	{ledger.ErrGrant, refused, false},
	{ledger.ErrPolicy, refused, true},
	{ledger.ErrApproval, refused, true},
	{ledger.ErrSupervised, refused, false},
	{ledger.ErrRetention, refused, true},
	{ledger.ErrStopped, unavailable, false},
	{ledger.ErrClock, wrongClock, false}, // before ErrQuorum, which it may come with
	{ledger.ErrSigner, noSigner, false},  // it is an ErrQuorum too
	{ledger.ErrUnmet, notMet, false},     // it is one too
	{ledger.ErrQuorum, noWitness, false},
	{ledger.ErrKey, internalError, false},
	{ledger.ErrRolledBack, unavailable, false},
	{ledger.ErrNoCaps, unavailable, false},
	{ledger.ErrInUse, unavailable, false},
	{ledger.ErrCorrupt, internalError, false},
	{ledger.ErrMissing, internalError, false},
	{ledger.ErrLeaf, internalError, false},
	{ledger.ErrCapRaised, internalError, false},
	{ledger.ErrSnapshot, internalError, false},
	{ledger.ErrNotSuspended, internalError, false},
	{ledger.ErrUnknown, internalError, false},
	{ledger.ErrAlreadyReleased, internalError, false},
	{ledger.ErrSameAnswer, internalError, false},
	{ledger.ErrEarly, internalError, false},
	{ledger.ErrLate, internalError, false},
	{ledger.ErrProof, internalError, false},
	{ledger.ErrReserve, internalError, false}, // of training, not of a question

	{federated.ErrCard, jobCard, true},
	{federated.ErrApproval, statement, true},
	{federated.ErrRefused, notTaken, true},
	{federated.ErrWire, itemForm, true},
	{federated.ErrOptions, internalError, false},
	{federated.ErrStopped, internalError, false},
	{federated.ErrSnapshot, internalError, false},
	{federated.ErrLimit, internalError, false},
	{federated.ErrVerify, internalError, false},
	{federated.ErrRoom, internalError, false},
	{federated.ErrAbsent, internalError, false},
	{secagg.ErrWire, sumForm, true},
	{secagg.ErrOrder, sumOrder, true},
	{secagg.ErrRoster, sumRoster, true},
	{secagg.ErrContext, sumContext, true},
	{secagg.ErrSignature, sumSignature, true},
	{secagg.ErrEvidence, sumEvidence, false},
	{secagg.ErrCommitment, sumCommitment, true},
	// The rest are a node's own, or come again: a node tries again after them.
	{secagg.ErrOptions, internalError, false},
	{secagg.ErrOpen, internalError, false},
	{secagg.ErrClosed, internalError, false},
	{secagg.ErrRollback, internalError, false},
	{secagg.ErrDuplicate, internalError, false},
	{secagg.ErrRoot, internalError, false},
	{secagg.ErrRange, internalError, false},
	{secagg.ErrShare, internalError, false},
	{secagg.ErrSpoiled, internalError, false},
	{secagg.ErrResult, internalError, false},
	{secagg.ErrAborted, internalError, false},
	{secagg.ErrMissing, internalError, false},
	{secagg.ErrInternal, internalError, false},

	{ErrRequestSignature, requestSigned, true},
	{ErrNotMember, notMember, false},
	{ErrClientCertificate, certificate, true},
	{ErrUnknownJob, unknownJob, false},
	{ErrEnrolment, enrolment, true},
	{ErrUnknownEnrolment, noEnrolment, false},
	{ErrEnrolled, enrolled, false},
	{ErrFingerprint, fingerprint, false},
	{ErrEnrolmentsFull, enrolmentsFull, false},
	{ErrTooFast, tooFast, false},

	{ErrToken, unauthenticated, false},
	{errNotAcceptable, notAcceptable, false},
	{context.DeadlineExceeded, busy, false},
	{context.Canceled, busy, false},
}

// problemOf turns any error into what a client may know of it. An error that is
// not in the map is a bare 500: its text may quote data.
func problemOf(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	var refusal *policy.Refusal
	if errors.As(err, &refusal) {
		p := refused.because(plain(refusal.Detail, ""))
		p.Rule = refusal.Rule
		return p
	}
	for _, m := range problemMap {
		if !errors.Is(err, m.err) {
			continue
		}
		p := m.kind.problem()
		if m.says {
			p.Detail = plain(err.Error(), m.err.Error())
		}
		switch m.err {
		case ledger.ErrGrant:
			p.Rule = "grant"
		case ledger.ErrPolicy:
			p.Rule = "policy-changed"
		case ledger.ErrApproval:
			p.Rule = "approval"
		}
		p.addBudget(err)
		return p
	}
	return internalError.problem()
}

// addBudget tells which budget is exhausted and what is left of it.
func (p *Problem) addBudget(err error) {
	var budget *ledger.BudgetError
	if !errors.As(err, &budget) {
		return
	}
	left := budget.Left.RhoFloat()
	p.Rule, p.Scope, p.RhoLeft = "budget", budget.Scope, &left
}

// maxDetail is the longest detail, in runes.
const maxDetail = 400

// plain is an error's text on one line and not too long, without the words of
// its sentinel where the title has them already and without package names.
func plain(text, sentinel string) string {
	if i := strings.Index(text, sentinel); i > 0 {
		text = text[i:] // what wraps it says less
	}
	if !strings.HasPrefix(sentinel, "dp: ") {
		text = strings.TrimPrefix(strings.TrimPrefix(text, sentinel), ": ")
	}
	text = strings.ReplaceAll(text, "dp: ", "")
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	if r := []rune(text); len(r) > maxDetail {
		text = string(r[:maxDetail]) + "..."
	}
	return text
}
