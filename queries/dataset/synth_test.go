package dataset_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/queries/dataset"
	"github.com/qunxiang/qunxiang/queries/duckdb"
)

func synthOptions(t testing.TB, people int64) dataset.SynthOptions {
	return dataset.SynthOptions{
		Domain: t.TempDir(), Key: testKey(t), People: people, Seed: 7, Threads: 1, Open: duckdb.OpenWriter,
		Now: time.Date(2024, 6, 1, 12, 0, 0, 0, time.UTC),
	}
}

func TestSynth(t *testing.T) {
	t.Parallel()
	o := synthOptions(t, 2000)
	m, q, err := dataset.Synth(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	checkBalance(t, q)
	l := open(t, o.Domain, m, q)
	if m.People != 2000 || q.Tables["settlement"].Loaded != 40_000 || !m.Public {
		t.Errorf("%d people, %d settlements", m.People, q.Tables["settlement"].Loaded)
	}
	for _, i := range q.Indicators {
		if !i.Measured || !i.Met {
			t.Errorf("indicator %+v", i)
		}
	}
	for _, reason := range []string{"duplicate_key", "unknown_person", "no_person_id", "no_money", "implausible_date", "bad_money"} {
		if q.Tables["settlement"].Quarantined[reason] == 0 {
			t.Errorf("no dirty rows of kind %s", reason)
		}
	}
	if c := q.Tables["settlement"]; c.Refunds == 0 || c.Void == 0 || q.Tables["fee_line"].Refunds == 0 {
		t.Errorf("no refunds or void rows: %+v", *c)
	}
	for _, c := range []struct {
		what, query string
		lo, hi      int64 // both in; shares in thousandths
	}{
		{"stays per settlement", "SELECT 1000 * count(*) FILTER (med_type = '21') // count(*) FROM snapshot.settlement", 80, 120},
		{"lines per settlement", "SELECT (SELECT 1000 * count(*) FROM snapshot.fee_line) // count(*) FROM snapshot.settlement", 1700, 2400},
		{"women", "SELECT 1000 * count(*) FILTER (sex = 'female') // count(*) FROM snapshot.person", 440, 540},
		{"aged 60 and over in 2017", "SELECT 1000 * count(*) FILTER (birth_ym <= 195707) // count(*) FROM snapshot.person", 120, 220},
		{"mean stay, days x 10", "SELECT 10 * sum(los_d) // count(*) FROM snapshot.encounter WHERE med_type = '21'", 60, 100},
		{"stays with a second settlement", "SELECT count(*) FROM (SELECT mdtrt_key FROM snapshot.settlement GROUP BY 1 HAVING count(*) > 1)", 50, 2000},
		{"median bill of a tertiary stay, yuan", "SELECT median(total_fen)::BIGINT // 100 FROM snapshot.settlement WHERE med_type = '21' AND level = 'tertiary'", 8000, 16000},
		{"median bill of a primary visit, yuan", "SELECT median(total_fen)::BIGINT // 100 FROM snapshot.settlement WHERE med_type = '11' AND level = 'primary'", 40, 120},
		{"people on metformin", "SELECT count(DISTINCT psn_key) FROM snapshot.fee_line WHERE ingredient = 'metformin'", 50, 250},
		{"metformin outside of courses", "SELECT count(*) FROM snapshot.fee_line WHERE ingredient = 'metformin' AND med_type NOT LIKE '14%'", 0, 0},
		{"people with two fills or more, of those on metformin", `SELECT 1000 * count(*) FILTER (n > 1) // count(*) FROM (
			SELECT count(*) AS n FROM snapshot.fee_line WHERE ingredient = 'metformin' GROUP BY psn_key)`, 700, 1000},
		{"ingredients", "SELECT count(DISTINCT ingredient) FROM snapshot.fee_line", 40, 60},
		{"drug lines without days of supply", "SELECT 1000 * count(*) FILTER (days_supply = 0) // count(*) FROM snapshot.fee_line WHERE list_type = 'drug'", 80, 220},
		{"diagnoses, top of ten", "SELECT 1000 * max(n) // sum(n)::BIGINT FROM (SELECT count(*) AS n FROM snapshot.diagnosis GROUP BY dx_code)", 60, 250},
		{"provinces", "SELECT count(DISTINCT left(insu_admdvs, 2)) FROM snapshot.coverage", 31, 31},
		{"bills that do not add up", "SELECT count(*) FROM snapshot.settlement WHERE total_fen <> fund_fen + psn_fen + hosp_fen", 0, 0},
		{"settlements outside the years", "SELECT count(*) FROM snapshot.settlement WHERE year(setl_date) NOT BETWEEN 2016 AND 2018", 0, 0},
		{"the dead who go on", "SELECT count(*) FROM snapshot.settlement s JOIN snapshot.person p USING (psn_key) WHERE year(setl_date) * 100 + month(setl_date) > death_ym", 0, 0},
		{"persons with a gap of over 60 days in a course", `SELECT count(DISTINCT psn_key) FROM (SELECT psn_key, date - lag(date) OVER (PARTITION BY psn_key ORDER BY date) AS gap
			FROM snapshot.fee_line WHERE med_type LIKE '14%') WHERE gap > 60`, 20, 600},
	} {
		if n := l.number(t, c.query); n < c.lo || n > c.hi {
			t.Errorf("%s: %d, not within %d and %d", c.what, n, c.lo, c.hi)
		}
	}
}

// The same seed gives the same facts, whatever the threads; another seed others.
func TestSynthIsSeeded(t *testing.T) {
	t.Parallel()
	make := func(seed int64, threads int) map[string][]string {
		o := synthOptions(t, 150)
		o.Seed, o.Threads, o.Settlements = seed, threads, 1000
		m, q, err := dataset.Synth(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		if q.Tables["settlement"].Loaded != 1000 {
			t.Errorf("%d settlements", q.Tables["settlement"].Loaded)
		}
		return open(t, o.Domain, m, q).content(t, "true")
	}
	a, b, c := make(3, 1), make(3, 2), make(4, 2)
	for _, tab := range dataset.Tables() {
		if !slices.Equal(a[tab.Name], b[tab.Name]) {
			t.Errorf("%s differs with the threads", tab.Name)
		}
	}
	if slices.Equal(a["settlement"], c["settlement"]) {
		t.Error("two seeds, one population")
	}
}

func TestSynthOptions(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*dataset.SynthOptions){
		"no people": func(o *dataset.SynthOptions) { o.People = 0 }, "no key": func(o *dataset.SynthOptions) { o.Key = dataset.Key{} },
		"years to come": func(o *dataset.SynthOptions) { o.From, o.To = 2023, 2025 }, "years backwards": func(o *dataset.SynthOptions) { o.From, o.To = 2018, 2016 },
		"too many": func(o *dataset.SynthOptions) { o.Settlements = 1 << 40 },
	} {
		o := synthOptions(t, 10)
		spoil(&o)
		if _, _, err := dataset.Synth(context.Background(), o); !errors.Is(err, dataset.ErrOptions) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
