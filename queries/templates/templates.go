// Package templates holds the catalogue of approved questions: pairs of
// <id>.yaml and <id>.sql, the list of those that are certified, what was found of
// them, and the code lists they name.
package templates

import "embed"

// FS holds the pairs at its root and the code lists in codelists/.
//
//go:embed *.yaml *.sql certified.txt certificates.json codelists/*.yaml
var FS embed.FS
