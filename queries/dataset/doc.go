// Package dataset turns one source of medical-insurance records into an
// immutable snapshot in the canonical schema, inside the domain.
//
// The way of an import: a binding (YAML plus SQL expressions) says which source
// files and columns are read; every other column, names and addresses above
// all, is never loaded. Values are parsed strictly (money as decimal), source
// identifiers are replaced by keyed digests, refunds are removed, rows that
// cannot be mapped are put aside by file, row and reason without their text,
// and the rest is written clustered by person. The snapshot appears under its
// final name in one rename.
//
// Nothing is decided across people: the rows of a person follow from the rows
// that name the person and from those under the aliases the person claims. A row
// under an alias that several people claim is a row of each of them, up to four;
// to leave such a row out changes all of these, to leave a claimant out changes
// nobody else. An alias that more people claim leads to four of them, chosen by
// a keyed digest; one more claimant can then take the place of one other.
//
// Nothing is decided across years either: what a snapshot holds of a calendar
// year follows from the rows that touch this year. Parents, refunds, duplicates
// and the row cap look at rows of the same year only (of an interval: rows of the
// very same years); a stay that touches two years is a record of both. Undated
// attributes of people are of no year.
//
// The package knows the shape of the data and nothing of privacy budgets. It
// imports none of the project's packages and no database driver: a DuckDB is
// handed in by [Options.Open]. Counts, quality figures and manifests made here
// are facts about the data: they stay inside the domain.
package dataset
