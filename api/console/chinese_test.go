package console

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	// A page's text, without what is English on purpose: code, and what says that it is.
	notText  = regexp.MustCompile(`(?s)<(code|pre|script|style|title)\b[^>]*>.*?</(?:code|pre|script|style|title)>|<(?:p|li|td|th|span|button)[^>]* lang="en"[^>]*>.*?</(?:p|li|td|th|span|button)>`)
	anyTag   = regexp.MustCompile(`<[^>]*>`)
	latin    = regexp.MustCompile(`[A-Za-z][A-Za-z'-]{2,}`)
	proper   = regexp.MustCompile(`(?i)^(Charlson|Quan|Medical|Care|Kaplan-Meier|Aalen-Johansen|Greenwood|PDC|DRG|CHS-DRG|ADRG|DIP|ICD|ICD-\d*|HIV|DPP-?|GLP-?|SGLT|Excel|CSV|Arrow|Parquet|JSON|UTC|SHA-?|OMOP|MAPE|ATC|FR\d|insurer-[ab]|pharma-b|regulator-r|steward-s|node-n|evaluation-.*|English)$`)
	entities = strings.NewReplacer("&#34;", `"`, "&#39;", "'", "&amp;", "&", "&#43;", "+", "&gt;", ">", "&lt;", "<")
)

// quotes are what Chinese texts of the catalogue name as it is called in files and values.
var quotes = []string{"metformin>insulins", "“unknown”", "记为unknown", "people为", "next_year_error", "chronic 列", "any 为", "层额xs起赔点", "归入未知", "noise_low", "noise_high"}

// TestChinesePagesAreChinese: no limit, unit, group, choice or bound of any question is in
// English.
func TestChinesePagesAreChinese(t *testing.T) {
	s, d := site(t)
	tokens := map[string]string{"insurer": "token-a", "pharma": "token-b", "regulator": "token-r"}
	pages := 0
	for _, x := range d.catalog.Templates() {
		b := signedIn(t, s, tokens[x.Audiences[0]], "zh")
		p := b.get("/console/templates/" + x.Ref())
		if p.status != 200 {
			t.Fatalf("%s is %d", x.Ref(), p.status)
		}
		pages++
		_, body, _ := strings.Cut(p.body, `<main id="main" tabindex="-1">`)
		body, _, _ = strings.Cut(body, "</main>")
		text := entities.Replace(anyTag.ReplaceAllString(notText.ReplaceAllString(body, " "), " "))
		for _, q := range quotes {
			text = strings.ReplaceAll(text, q, "")
		}
		for _, word := range latin.FindAllString(text, -1) {
			if !proper.MatchString(strings.TrimRight(word, "-")) {
				t.Errorf("%s says %q", x.Ref(), word)
			}
		}
	}
	if pages < 25 {
		t.Errorf("only %d questions were looked at", pages)
	}
}

// TestDetailsAreSaid: every detail that the server gives of a parameter, an accuracy or a
// refusal has Chinese words, also when the server's are changed.
func TestDetailsAreSaid(t *testing.T) {
	w := words{"zh"}
	worded := regexp.MustCompile(`(?:\.refuse\(|\brefuse\(Rule\w+, |ErrParameter, |return refuse\(|%w: |q\.refuse\([^"]*)"((?:[^"\\\\]|\\\\.)*)"`)
	files, _ := filepath.Glob("../../queries/param*.go")
	files = append(files, "../../queries/request.go", "../../queries/money.go", "../../queries/window.go", "../../queries/strata.go", "../../policy/decide.go", "form.go")
	dummies := strings.NewReplacer("%d", "7", "%g", "0.5", `%q`, `"x"`, "%s", "x", "%.4g", "0.5", "%.3g", "0.5", "%.6g", "0.5", "..x", "..2017-01-01")
	found := 0
	for _, name := range files {
		text, err := os.ReadFile(name)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range worded.FindAllStringSubmatch(string(text), -1) {
			format, err := strconv.Unquote(`"` + m[1] + `"`)
			if err != nil || format == "has no known type" {
				continue
			}
			found++
			detail := dummies.Replace(format)
			if said, foreign := w.detail(detail); foreign || strings.Contains(said, "%!") {
				t.Errorf("%s: %q is not said in Chinese: %s", name, detail, said)
			}
		}
	}
	if found < 30 {
		t.Errorf("only %d details were found", found)
	}
	for detail, want := range map[string]string{
		"window: 400 days are more than 366": "时间窗口：共 400 天，最多 366 天。",
		"window: 2019-01-01..2019-12-31 is outside of the data's public range, 2016-01-01..2018-12-31":                                                      "2016年1月1日 至 2018年12月31日",
		"at rho 0.01, 64 groups of about 12 people each, but groups under about 230 are not shown; ask for a longer window or a higher cost, or buy it all": "共有 64 组，平均每组约 12 人，而少于约 230 人",
		"policy 906a needs the approvals of two other people, and has 1 that hold now":                                                                      "现有有效批准 1 项",
		"something nobody foresaw": "something nobody foresaw",
	} {
		if said, foreign := w.detail(detail); !strings.Contains(said, want) || foreign != (said == detail) {
			t.Errorf("%q is said as %q", detail, said)
		}
		if said, _ := (words{"en"}).detail(detail); said != detail {
			t.Errorf("%q is not left as it is", detail)
		}
	}
}

// TestSpans: nobody counts 10,800 seconds.
func TestSpans(t *testing.T) {
	for seconds, want := range map[int][2]string{10800: {"3 hours", "3 小时"}, 10: {"10 seconds", "10 秒"}, 120: {"2 minutes", "2 分钟"}, 3661: {"1 hour 1 minute 1 second", "1 小时 1 分钟 1 秒"}, 172800: {"2 days", "2 天"}, 0: {"0 seconds", "0 秒"}} {
		if en, zh := (words{"en"}).Span(seconds), (words{"zh"}).Span(seconds); en != want[0] || zh != want[1] {
			t.Errorf("%d are %q and %q", seconds, en, zh)
		}
	}
}

// TestOneWordForOneThing: opting out is 退出 and nothing else is, and leaves of the log are
// counted in 条 on every page.
func TestOneWordForOneThing(t *testing.T) {
	for key, text := range chinese {
		if strings.Contains(text, "退出") && !strings.Contains(key, "optouts") && key != "quality lead" {
			t.Errorf("%q: %s", key, text)
		}
		if strings.Contains(text, "叶") {
			t.Errorf("%q: %s", key, text)
		}
	}
	if strings.Contains(chinese["sign out"], "退") || chinese["state deleted"] == chinese["state abandoned"] {
		t.Error(chinese["sign out"])
	}
}
