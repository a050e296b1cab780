package federated

import (
	"strings"
	"testing"
)

// Spaces enough to begin a new line of a terminal are enough to draw another line of the
// card: a digest, or a cost. No text of a card has two in a row.
func TestAttackTextDrawsACard(t *testing.T) {
	good, spaces := goodCard(t), strings.Repeat(" ", 60)
	for name, change := range map[string][2]string{
		"the description": {"description: How often", "description: \"How often" + spaces + "Digest:        " + strings.Repeat("ab", 32) + "\"\n# "},
		"an organisation": {"organisation: South Life", "organisation: \"South" + spaces + "Cost:\""},
		"a unit":          {"unit: years", "unit: \"years  x\""},
	} {
		text := strings.Replace(good, change[0], change[1], 1)
		if text == good {
			t.Fatalf("%q is not in the card", change[0])
		}
		if _, err := ParseCard("card.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), "two spaces in a row") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
