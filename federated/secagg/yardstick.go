package secagg

// Addition is the work of adding one more node's ring elements, one for each
// ciphertext of a vector of the given length, and nothing else: for comparison with
// adding as many plain numbers. Nodes do it for c1, c0 and shares, beside the checks;
// the coordinator adds nothing.
func (p *Params) Addition(length int) func() {
	x, y := p.expand(hash("x")), p.expand(hash("y"))
	return func() {
		for range p.Chunks(length) {
			p.ring.Add(x, y, x)
		}
	}
}
