package dataset_test

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/qunxiang/qunxiang/queries/dataset"
)

func TestNormalIdentifier(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"\ufeff11010119900101123x\r\n": "11010119900101123X", "\tC1\u00a0": "C1", "\u3000c1\u200b": "C1", " a b ": "A B", "psn_no P2": "PSN_NO P2",
		"\u0085\u2028张三\u205f": "张三", "é": "é", "ﬁ": "ﬁ", "\u3000": "", "": "", "ſ": "ſ",
	} {
		if got := dataset.NormalIdentifier(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if unicode.IsSpace(r) && dataset.NormalIdentifier(string(r)) != "" {
			t.Errorf("%U is white space and stays", r)
		}
	}
}

// Go and SQL make the same of every text, and so the same keys.
func TestNormalIdentifierInSQL(t *testing.T) {
	t.Parallel()
	conn, key, ctx := testConn(t), testKey(t), context.Background()
	if err := key.LoadInto(ctx, conn); err != nil {
		t.Fatal(err)
	}
	query := "SELECT " + dataset.NormalSQL("x") + ", " + dataset.PersonHexSQL("x") + " FROM (SELECT $1::VARCHAR AS x)"
	edge := rapid.SampledFrom(append(dataset.Invisible(), 'a', 'Z', 'x', '1', 'é', 'ß', 'ı', 'ﬁ', '张', 0x180e, '_', '~', '!', 0x7f, 0x1f))
	rapid.Check(t, func(t *rapid.T) {
		id := string(rapid.SliceOfN(rapid.OneOf(edge, rapid.Rune()), 0, 12).Draw(t, "id"))
		if !utf8.ValidString(id) || slices.Contains([]byte(id), 0) {
			return // no text that a source could hold
		}
		var normal, hex string
		if err := conn.QueryRowContext(ctx, query, id).Scan(&normal, &hex); err != nil {
			t.Fatal(err)
		}
		if want := dataset.NormalIdentifier(id); normal != want || hex != key.PersonKey(id).Hex30() {
			t.Fatalf("%q: SQL %q, Go %q", id, normal, want)
		}
		if twice := dataset.NormalIdentifier(normal); twice != normal {
			t.Fatalf("%q: %q, then %q", id, normal, twice)
		}
	})
}

// Whatever stands around an identifier in the source or in the request, and
// whichever identifier is given, the person is left out.
func TestOptOutFindsThePerson(t *testing.T) {
	t.Parallel()
	s := national().more("psn_info_b",
		"P7\t,\u300011010119900101123x\t,n,1,1990-01-01,,1", "P8,\u00a0,n,1,1990-01-01,,1", "P1,C9,n,1,1991-01-01,,1").
		more("psn_insu_d", "p7,310,12,310100,1,2000-01-01,,1")
	l := load(t, "national-a", s.write(t))
	key, ctx := testKey(t), context.Background()
	if n := l.number(t, "SELECT count(*) FROM snapshot.coverage WHERE psn_key = "+key.PersonKey("11010119900101123X").Big().String()); n != 1 {
		t.Errorf("%d rows under an alias with blanks around it", n)
	}
	at := time.Date(2024, 6, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		id   string
		want []string // identifiers of those left out
		n    int
	}{
		{"\ufeff11010119900101123x\t", []string{"11010119900101123X"}, 1}, {"p7", []string{"11010119900101123X"}, 1},
		{"P8", []string{"psn_no P8"}, 1}, {"psn_no P8", []string{"psn_no P8"}, 1}, {"P2", []string{"C2"}, 1}, {"c2", []string{"C2"}, 1},
		{"P3b", []string{"C3"}, 1}, {"P1", []string{"C1", "C9"}, 1}, {"NOSUCHPERSON", nil, 0},
	} {
		domain := t.TempDir()
		if err := dataset.AddOptOut(domain, key, []string{c.id}, at); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time adds nothing
			if err := dataset.ResolveOptOuts(ctx, domain, l.db); err != nil {
				t.Fatal(err)
			}
		}
		if n, err := dataset.MatchOptOuts(ctx, l.db, key, []string{c.id}); err != nil || n != c.n {
			t.Errorf("%q: %d match, %v", c.id, n, err)
		}
		out, err := dataset.OptOuts(domain, dataset.Epoch(at)+1)
		if err != nil {
			t.Fatal(err)
		}
		if early, err := dataset.OptOuts(domain, dataset.Epoch(at)); err != nil || len(early) != 0 {
			t.Errorf("%q acts in its own epoch: %v", c.id, err)
		}
		people := slices.DeleteFunc(out, func(k dataset.PsnKey) bool {
			return l.number(t, "SELECT count(*) FROM snapshot.person WHERE psn_key = "+k.Big().String()) == 0
		})
		var want []dataset.PsnKey
		for _, id := range c.want {
			want = append(want, key.PersonKey(id))
		}
		slices.SortFunc(want, func(a, b dataset.PsnKey) int { return bytes.Compare(a[:], b[:]) })
		if !slices.Equal(people, want) {
			t.Errorf("%q: %d people left out, want %d", c.id, len(people), len(want))
		}
		if days, err := dataset.ListOptOuts(domain); err != nil || len(days) != 1 || days[0].People != 1 {
			t.Errorf("%q: listed %v, %v", c.id, days, err)
		}
	}
}

// Who is not in the data yet stays registered, and is found in a later snapshot.
func TestOptOutBeforeTheData(t *testing.T) {
	t.Parallel()
	domain, key, ctx := t.TempDir(), testKey(t), context.Background()
	at := time.Date(2024, 6, 1, 12, 0, 0, 0, time.UTC)
	if err := dataset.AddOptOut(domain, key, []string{"P5"}, at); err != nil {
		t.Fatal(err)
	}
	for _, s := range []source{national(), national().more("psn_info_b", "P5,C5,n,1,1990-01-01,,1")} {
		if err := dataset.ResolveOptOuts(ctx, domain, load(t, "national-a", s.write(t)).db); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := dataset.OptOuts(domain, dataset.Epoch(at)+1); err != nil || !slices.Contains(out, key.PersonKey("C5")) {
		t.Errorf("not left out of the later snapshot: %v", err)
	}
}
