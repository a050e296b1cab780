package policy_test

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/policy"
)

// What an approver signs is shown on a terminal as it stands in the file: nothing in it
// steers a terminal, turns the order of what is read, or is no text.
func TestPolicyIsSeen(t *testing.T) {
	good, err := os.ReadFile("testdata/full.good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	last := strings.Count(string(good), "\n") + 2
	for _, bad := range []string{"# \x1b[2J\x1b[H nothing has changed", "# \x1b[8m", "# \u202e", "# \u2066", "# \u009b2J", "# \x08\x08\x08",
		"# \rversion: 1", "# \u200b", "# \U000e0041", "# \u2028", "# caf\xe9", "\ufeff"} {
		_, err := policy.Parse("policy.yaml", []byte(string(good)+"\n"+bad+"\n"))
		if !errors.Is(err, policy.ErrPolicy) || !strings.Contains(err.Error(), "a character that cannot be seen") {
			t.Errorf("%q: %v", bad, err)
		} else if place := "policy.yaml:" + strconv.Itoa(last) + ":"; !strings.Contains(err.Error(), place) {
			t.Errorf("%q: %v, want %s", bad, err, place)
		}
	}
	for _, fine := range []string{"# 医保局, café, ± 5 %, 𠀀", "#\ttab", "# line end of another system\r"} {
		if _, err := policy.Parse("policy.yaml", []byte(string(good)+"\n"+fine+"\n")); err != nil {
			t.Errorf("%q: %v", fine, err)
		}
	}
}
