package queries

import (
	"strings"

	"github.com/qunxiang/qunxiang/dp"
)

// featureSeparator stands between a feature and its bin in an axis' labels.
const featureSeparator = "="

// deriveDistance says how far each shown group's distribution is from that of all
// shown groups together, feature by feature; see [dp.Distance]. Where fewer than
// two groups are shown there is nothing to compare.
func deriveDistance(t *dp.Table, d Derived) {
	var shown []dp.Measured
	var groups []*dp.Group
	for i := range t.Groups {
		if m := find(t.Groups[i].Measures, d.Of); m != nil {
			shown, groups = append(shown, *m), append(groups, &t.Groups[i])
		}
	}
	for i, g := range groups {
		if m, ok := dp.Distance(shown, i, featureOf); ok {
			g.Measures = append(g.Measures, named(m, d.Name, d.Unit))
		}
	}
}

// featureOf is what comes before the bin in a label; labels without a feature are
// bins of one.
func featureOf(label string) string {
	feature, _, ok := strings.Cut(label, featureSeparator)
	if !ok {
		return ""
	}
	return feature
}
