// Package dataset turns one source of medical-insurance records into an
// immutable snapshot in the canonical schema, inside the domain.
//
// The way of an import: a binding (YAML plus SQL expressions) says which source
// files and columns are read; every other column, names and addresses above
// all, is never loaded. Values are parsed strictly (money as decimal), source
// identifiers are replaced by keyed digests, refunds are removed, rows that
// cannot be mapped are put aside by file, row and reason without their text,
// and the rest is written clustered by person. Nothing is decided across
// people. The snapshot appears under its final name in one rename.
//
// The package knows the shape of the data and nothing of privacy budgets. It
// imports none of the project's packages and no database driver: a DuckDB is
// handed in by [Options.Open]. Counts, quality figures and manifests made here
// are facts about the data: they stay inside the domain.
package dataset
