// Package ledger is the log that is the ledger: an append-only file of leaves
// whose fold is the privacy budget, who was answered what, and which templates
// are suspended. There is no other state.
//
// The truth is <dir>/wal: records of a 4-byte length, a CRC-32C and a leaf, all
// big-endian. A leaf is one JSON object in the canonical form of RFC 8785,
// padded to one of four sizes, so that its length says next to nothing. The
// Merkle tree of RFC 6962 over the leaves is published beside it, as tiles in
// the layout of C2SP tlog-tiles and as a checkpoint in the form of C2SP
// tlog-checkpoint, an Ed25519 signed note whose origin is the population.
// Tiles and checkpoint are projections: Open makes them again from the wal.
//
// Leaves of format 2 are chained by SM3 beside the tree: see Link. Logs of format 1, which
// had no chain, are read and go on with one.
//
// A GRANT that names approvers makes a supervised domain, for good. From then on policies,
// snapshots, resumptions, keys, deletions and looks at noise need approvals of two people who
// neither asked for them nor gain by them (see Approve), and every charge needs that the
// approvals of its policy, template and snapshot stand. A checkpoint is then shown once a
// quorum of witnesses has cosigned it, and no charge is admitted while they are away: see
// Witness. A policy that names others is cosigned by those before it too.
//
// A KEY leaf changes the key that signs the log, and the key before hands over to it: see
// Rekey.
//
// The order of a request is fixed. Charge is durable before any data is
// touched; Release is appended, made durable and covered by a checkpoint before
// the answer leaves. A crash between the two burns the charge: Open turns it
// into an ABANDON, and it is neither run again nor given back. A failed write
// or fsync is never retried: it stops the ledger and calls Options.Fatal.
//
// What a training job may cost at most is set aside by a RESERVE and given back by a
// CLOSE; in a supervised domain two people approve the job first. Charges and what open
// reservations have left never pass a cap together. A reservation ends by itself with its
// last day, by the time that leaves bear and no other clock: see [Reserve].
//
// A checkpoint protects what it covers. Whole charges after the newest
// checkpoint are durable against crashes and power loss, but somebody who may
// write to the file can cut them off; their answers were never given out.
// Restoring an old copy of the whole directory cannot be seen from inside it:
// whoever keeps an older checkpoint, as an auditor does, sees it.
package ledger
