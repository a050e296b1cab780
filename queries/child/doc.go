// Package child answers orders in processes of their own, so that a crash, a
// hostile SQL file or a lack of memory takes nothing along but one answer.
//
// Each charged request is answered by a process that was started for it, before the
// charge where there was time, reads one
// order, writes one noisy table and ends: nothing of one request is there in the
// next, and a process that has failed is never asked again. It is this program
// itself, without environment and arguments, with a limit on its memory and, where
// the system can do it, shut in by package sandbox: it may read one snapshot's
// folder, write one temporary folder of its own, and reach no network and no other
// program. Starting it takes about as long as opening the snapshot; the slot hides it.
//
// What goes in is a [queries.Order]: names and parameters, no SQL. The process
// compiles it from the catalogue built into it, and refuses an order that comes to
// another job or plan there. What comes out is the noisy table alone: noise is drawn
// where the totals are, and totals have no way out of their process. The parent
// takes a table only if it is the one answer to its question, whole, canonical and
// of the shape of its plan. Everything else, and every end of a process that is not
// an answer, is the one opaque error. That a process which was taken over lies
// within that shape, nobody can tell.
//
// One more process, which has no snapshot at all, proves the SQL of templates before
// anything is charged.
package child
