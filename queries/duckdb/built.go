package duckdb

// Built says whether the program was built with the tag duckdb_arrow, without
// which no question can be run.
const Built = hasArrow
