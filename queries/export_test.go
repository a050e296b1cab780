package queries

// Notes are what travels with the question's releases.
func (q *Question) Notes() []Text { return q.notes() }
