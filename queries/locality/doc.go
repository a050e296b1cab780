// Package locality proves that a template's SQL keeps people apart: that it is
// a map T with T(D) = the sum of T({p}) over the people p of D, and T of nobody
// is nothing (DESIGN 5, rule 3).
//
// The proof is made twice, each time by default-deny, and both must hold. The
// first reads the parsed tree, as json_serialize_sql of DuckDB 1.5 writes it,
// and knows names only: it is strict about what may be written at all. The
// second reads the bound plan, as json_serialize_plan(sql, optimize := false)
// writes it over the empty schema, with the engine's own views in front: there
// every name is resolved, stars are spelt out, USING has become the comparison
// that it is, and implicit casts and lateral references are in the open.
//
// The package is pure: texts in, findings or a [Proof] out. It imports nothing
// of this module and never sees data.
//
// # What the proof on the plan carries
//
// A column c of a relation R is a person column if, for every D and every p,
// the rows of R over D with c = p are those of R over {p} with c = p, and R over
// {p} has no other value in c than p and NULL. Rows where c is NULL may depend
// on anybody: the engine drops rows whose psn_key is NULL. Columns are of one
// class if they are equal in each row, both NULL or both p; each class is proved
// on its own, as after an outer join one of two keys may be NULL. What is asked
// of each operator, and why that suffices, stands beside its rule in plan*.go.
// The statement is local if its psn_key is a person column in the end.
//
// # Limits of what is known
//
//   - Parameters cannot be bound by json_serialize_plan. [Bind] puts a constant of
//     the declared type in the place of each, and [Prove] compares the trees of
//     both texts, so that what was bound is what will run. No rule here looks at
//     the value of a constant.
//   - Column references are positions among the columns of the operator's children.
//     A few correlated plans keep unresolved references; correlated sub-queries and
//     lateral joins (LOGICAL_DELIM_JOIN) are refused altogether.
//   - The plan does not say whether a function is volatile: functions, aggregates
//     and windows are white-listed by name in both proofs.
//   - Limits on lists that range makes are kept on the tree, where constants and
//     parameters can be told apart.
//   - Projection maps and pushed-down filters appear in optimised plans only. They
//     have fields of their own; an unknown field is refused.
//   - Rows that a window's ORDER BY does not tell apart come in any order, which
//     other people's rows may change. The tree alone refuses windows where that
//     shows: the plan keeps columns that nobody looks at. Ordered texts and lists
//     must be decided too: the value itself must be among the columns of their
//     ORDER BY.
package locality
