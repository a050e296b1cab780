package queries

// Claim takes a request to where its draw is claimed and gives the release that
// was found there instead.
func (r *Runner) Claim(principal string, req Request) (release string, err error) {
	p, _, err := r.price(principal, req)
	if err != nil {
		return "", err
	}
	_, _, rel, err := r.enter(principal, p, "")
	if err != nil || rel == nil {
		return "", err
	}
	return rel.ID, nil
}
