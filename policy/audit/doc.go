// Package audit is the regulator's offline verifier of a log written by package
// ledger. It trusts nothing but a public key: it reads the leaves, builds the
// Merkle tree of RFC 6962 again, holds it against the signed checkpoint (C2SP
// tlog-checkpoint) and against an older one kept by the auditor, and adds up
// every scope at every leaf by itself.
//
// It shares no code with the ledger, on purpose: an error in one fold is then
// seen by the other.
//
// What it shows is that the log is whole, keeps its own rules, and was not
// rewritten since the older checkpoint. It cannot show that nothing was given
// out beside the log.
package audit
