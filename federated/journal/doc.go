// Package journal is what a node remembers of one training job: the highest
// attempt it ever saw, what its peers' ledgers showed, and the bytes of every
// share it issued.
//
// A share and its charge come into being together. The record of the share is
// written and fsynced first, but it counts only when the ledger holds the CHARGE
// that names its digest: the ledger's append is the one commit point. A crash in
// between leaves a record without a charge, which was never sent; [Open] wipes it.
// A charge always has its record, which is sent again as stored and never made a
// second time.
//
// The state file is replaced whole (write, fsync, rename, fsync of the folder), so
// that a torn write is never seen. A restored copy of the folder is noticed here if
// the ledger has charges that the journal does not know. A restored copy of the ledger
// is noticed if it does not begin with what the journal has seen of it last, however
// many leaves it has since: before anything of a share is wiped. If both were restored together only the peers
// notice, by the ledger marks that every HELLO shows: see [Peer].
package journal
