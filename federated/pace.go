package federated

import "time"

// What a node works out from its rows takes longer the more of them there are, and what
// is sent when it is done would tell their number to whoever has a clock. So all work on
// rows is done in one place of an attempt, when its OPEN is taken: rows are read where
// opt-outs have come into force, encoded, and noise is drawn. From then on the node is
// silent, asking the coordinator for nothing either, until the next moment of a grid that
// begins with the OPEN and whose step is public: the card's pace. What follows in the
// attempt is work on vectors of the card's length. The first words of a job, after the
// rows were read and checked, keep to such a grid too.
//
// What is left to see: the step of the grid on which a node speaks, which is always the
// first where the pace is well chosen; that a process was slow for other reasons; and
// the milliseconds in which a system wakes a process. A pace that the data of one node
// pass and those of another do not tells that much, in every attempt: the operator of a
// large node should not approve it.

// Default pace: so long for each person that a node may have, and for each number that
// is sent.
const (
	pacePerson = 10 * time.Microsecond
	paceNumber = 2 * time.Nanosecond
	leastPace  = 100 * time.Millisecond
)

// pace is the step of the grid on which a node sends what it worked out from its rows:
// the card's own, or one that follows from its numbers alone, at most a quarter of a
// phase's deadline.
func (c *Card) pace(cells int) time.Duration {
	if c.Deadlines.Pace > 0 {
		return time.Duration(c.Deadlines.Pace) * time.Millisecond
	}
	work := float64(c.Expect.PeoplePerNode) * (float64(pacePerson) + float64(cells)*float64(paceNumber))
	most := time.Duration(c.Deadlines.Phase) * time.Second / 4
	return time.Duration(min(max(work, float64(leastPace)), float64(most)))
}

// onGrid is the first moment of the grid that begins at from and is not before now, and
// never from itself.
func onGrid(from, now time.Time, step time.Duration) time.Time {
	steps := (now.Sub(from) + step - 1) / step
	return from.Add(max(steps, 1) * step)
}

// silence keeps the node silent, after work on rows that began at from, to the next
// moment of the grid.
func (n *Node) silence(from time.Time) {
	n.silent = onGrid(from, n.o.Now(), n.pace)
}

// Silent is how much longer the node says nothing and asks for nothing, 0 if it may: who
// drives it should call Step again right then, and not at the next turn of another clock.
func (n *Node) Silent() time.Duration { return max(0, n.silent.Sub(n.o.Now())) }

// Rest is how long to wait before the next Step that may have something to do: wait, or
// less where a silence ends before.
func (n *Node) Rest(wait time.Duration) time.Duration {
	if left := n.Silent(); left > 0 {
		return min(wait, left)
	}
	return wait
}

// forget clears what was worked out for an attempt and not used.
func (t *try) forget() {
	clear(t.values)
	t.values = nil
}
