package api

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/qunxiang/qunxiang/queries"
)

// China is the time zone that people are told times in, on pages and in workbooks; what
// machines read is in UTC.
var China = time.FixedZone("CST", 8*3600)

// coverLine is a label and a text; a warning is red.
type coverLine struct {
	label, text string
	warns       bool
}

// cover says what a table is.
func cover(t *TableData) []coverLine {
	r := t.Release
	both := func(x queries.Text) string { return x.EN + "\n" + x.ZH }
	lines := []coverLine{{label: "Question 问题", text: both(r.Title)}}
	add := func(label, text string) { lines = append(lines, coverLine{label: label, text: text}) }
	if r.Evaluation {
		lines = append(lines, coverLine{"Evaluation 评估", "Made in an evaluation domain: nobody had to approve it.\n出自评估域，未经两人审批。", true})
	}
	if r.Synthetic != nil {
		lines = append(lines, coverLine{"Synthetic 合成", "Every row is a person who does not exist.\n每一行都是并不存在的人。", true})
	}
	add("Template 模板", r.Template+" ("+r.Catalogue+")")
	for _, name := range slices.Sorted(maps.Keys(r.Parameters)) {
		add("Parameter 参数: "+name, r.Parameters[name])
	}
	for _, name := range slices.Sorted(maps.Keys(r.CodeLists)) {
		add("Code list 代码表: "+name, "SHA-256 "+r.CodeLists[name])
	}
	add("Purpose 用途", r.Purpose)
	add("Released 发布时间", r.Released.In(China).Format("2006-01-02 15:04:05")+"\nChina Standard Time (UTC+8) 北京时间")
	add("Snapshot 数据快照", r.Snapshot)
	add("Numbers 数值", "_value is the answer, _low and _high its interval: "+intervalMeaning(*r)+".\n_value 为结果，_low 与 _high 为其区间："+intervalMeaningZH(*r)+"。")
	if slices.ContainsFunc(t.Columns, func(c Column) bool { return c.Unit == "fen" }) {
		add("Money 金额", "Columns marked [fen] are in fen: 100 fen are 1 yuan.\n标有 [fen] 的列以分为单位：100 分为 1 元。")
	}
	add("Suppressed 隐去", fmt.Sprintf("A group of fewer than about k = %d people, or too few to tell, is not shown: suppressed is TRUE and its numbers are empty.\n人数少于约 k = %d 或难以判断的组不予显示：suppressed 为 TRUE，数值为空。", r.Privacy.K, r.Privacy.K))
	add("Privacy 隐私", fmt.Sprintf("rho %.6g, delta %.3g (as epsilon %.3g at delta %.3g), charged to %s", r.Privacy.Rho, r.Privacy.Delta, r.Privacy.Epsilon, r.Privacy.DisplayDelta, strings.Join(r.Privacy.Scopes, ", ")))
	for _, n := range r.Notes {
		add("Note 说明", both(n))
	}
	add("Release 发布编号", r.ID+"\nIts receipt bears this id. 回执载有此编号。")
	add("SHA-256", t.Digest+"\nOf the release as JSON; the receipt and the log name it. JSON 发布文件的摘要，回执与日志均有记载。")
	return lines
}

func intervalMeaningZH(r queries.Release) string {
	if strings.Contains(intervalMeaning(r), "Greenwood") {
		return "95 %，仅含噪声；曲线含噪声与抽样误差（Greenwood）"
	}
	return "95 %，仅含噪声"
}
