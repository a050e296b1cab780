//go:build !unix

package duckdb

// ended says no where it cannot know: the folder stays.
func ended(int) bool { return false }
