// Package witness keeps a log honest from outside. A witness is a key and a memory: of
// each log that it knows it remembers the newest checkpoint it cosigned, and it cosigns
// a larger one only where a proof shows that the log has grown and nothing before has
// changed. Whoever wants a checkpoint cosigned by a quorum of witnesses cannot show
// different histories to different people.
//
// The package has both sides and what passes between them:
//
//   - [Witness], its folder and its HTTP side: C2SP tlog-witness, add-checkpoint.
//   - [Client], which asks one witness, and [Quorum], which asks several.
//   - [Cosigner] and [CosignatureVerifier]: C2SP tlog-cosignature, cosignature/v1.
//   - [SM2Signer] and [SM2Verifier]: a signature of notes by the national algorithms,
//     beside the Ed25519 one, which also covers the head of the log's SM3 chain.
//   - [Policy]: whose cosignatures a checkpoint needs.
//
// It imports nothing of this module, so that those who write a log and those who
// examine it may use the same signatures without sharing anything else.
//
// # What a witness promises
//
// The new state is durable before the cosignature leaves, and checking and keeping it
// are one step under the log's lock: of two histories that differ it cosigns one. Two
// checkpoints of one size with different roots are kept, both, as proof against the
// log. State that is lost or damaged is not begun again. What it does not see: a
// checkpoint that nobody sends to it. And a witness whose own folder was put back to an
// older copy cosigns again what comes after that copy: a quorum must be larger than the
// number of witnesses that could be put back together.
package witness
