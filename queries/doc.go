// Package queries answers approved questions about insured groups.
//
// A [Template] is a reviewed question: a YAML file that declares what it reads,
// how it groups and what it measures, and an SQL file that selects one row per
// contribution of one person. A client fills in parameters and says how
// accurate the answer must be; it never sends SQL. The [Runner] takes a request
// through authorise, price, charge, run, noise and release, in that order, and
// is the only path from data to an answer.
//
// The package knows no database: [Engine] is implemented by queries/duckdb.
package queries
