package dataset

import (
	"context"
	"database/sql"
)

// What tests outside the package need of its inside.
var (
	FenTextSQL        = fenTextSQL
	Converted         = converted
	Hex120SQL         = hex120SQL
	PersonHexSQL      = personHexSQL
	PersonalKeySQL    = personalKeySQL
	InstitutionKeySQL = institutionKeySQL
	TmpPrefix         = tmpPrefix
	NormalSQL         = normalIdentifierSQL
	Invisible         = invisible
)

// LoadInto puts the key into a session.
func (k Key) LoadInto(ctx context.Context, conn *sql.Conn) error { return k.load(ctx, conn) }

// PersonalKey is the key of something that belongs to a person.
func (k Key) PersonalKey(p PsnKey, kind, source string) uint64 { return k.personalKey(p, kind, source) }

// Hex30 is the psn_key in hexadecimal.
func (p PsnKey) Hex30() string { return p.hex30() }

// WithBuckets returns the options with so many rows to a bucket.
func (o Options) WithBuckets(rows int64) Options { o.bucketRows = rows; return o }

// WithBuckets returns the options with so many rows to a bucket.
func (o SynthOptions) WithBuckets(rows int64) SynthOptions { o.bucketRows = rows; return o }
