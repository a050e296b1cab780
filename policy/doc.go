// Package policy says who may ask what: principals and their roles, purposes,
// grants, thresholds and budget caps, read from one strict YAML file into an
// immutable [Policy] whose decisions are pure.
//
// A decision touches no data and keeps no state: what has been spent is the
// ledger's to know. A refusal is a [Refusal] and names its rule.
package policy
