// Package audit is the regulator's offline verifier of a log written by package
// ledger. It trusts nothing but a public key: it reads the leaves, builds the
// Merkle tree of RFC 6962 again, holds it against the signed checkpoint (C2SP
// tlog-checkpoint) and against an older one kept by the auditor, and adds up
// every scope at every leaf by itself.
//
// It shares no code with the ledger, on purpose: an error in one fold is then
// seen by the other.
//
// A log is read once, in blocks, which workers check, parse and hash beside one another,
// and which are folded in their order. What is kept of a leaf is some 150 bytes. All
// threads together take about five times SHA-256 of the same bytes (BenchmarkVerify), which
// they share. Time and memory grow as the bytes do, whoever wrote them: what a log or
// bundle may name many times is read once, and files that are read whole have limits
// (ErrTooLarge, ErrBundle).
//
// What it shows is that the log is whole, keeps its own rules, and was not
// rewritten since the older checkpoint. It cannot show that nothing was given
// out beside the log.
package audit
