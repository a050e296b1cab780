package audit

// Parses says whether the auditor takes the bytes for a leaf.
func Parses(b []byte) bool { return new(cursor).parse(b, new(leaf)) }
