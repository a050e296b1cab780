// Package templates holds the catalogue of approved questions: pairs of
// <id>.yaml and <id>.sql, the list of those that are certified, and the code
// lists they name.
package templates

import "embed"

// FS holds the pairs at its root and the code lists in codelists/.
//
//go:embed *.yaml *.sql certified.txt codelists/*.yaml
var FS embed.FS
