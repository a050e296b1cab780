package console

import (
	"fmt"
	"regexp"
)

// detailForm is how the server words a detail, and what is said in its place; gaps are in
// the same order, unless they are numbered.
type detailForm struct {
	form *regexp.Regexp
	says string
}

func detailOf(form, says string) detailForm {
	return detailForm{regexp.MustCompile(`^` + form + `$`), says}
}

// ofParameter parts a detail about one parameter into its name and what is wrong.
var ofParameter = regexp.MustCompile(`^([a-z][a-z_]*): (.+)$`)

// chineseDetails are the details of problems that people meet. Those of the server are in
// English, for scripts too; one that is not here is shown as it is.
var chineseDetails = []detailForm{
	detailOf(`at rho (\S+), (\d+) groups of about (\d+) people each, but groups under about (\d+) are not shown; .*`, "以成本 ρ %s 计，共有 %s 组，平均每组约 %s 人，而少于约 %s 人的组会被隐去。"),
	detailOf(`at rho (\S+), groups under about (\d+) are not shown, and about (\d+) people are in the answer at all; .*`, "以成本 ρ %s 计，少于约 %s 人的组会被隐去，而进入结果的总共约 %s 人。"),
	detailOf(`it costs rho (\S+) now, and rho (\S+) was agreed to; .*`, "现在的成本为 ρ %s，您同意的是 ρ %s。"),
	detailOf(`no answer that you have covers it now, and it costs rho (\S+); .*`, "您已有的回答不再能满足此问题，现在的成本为 ρ %s。"),
	detailOf(`\(at most (\d+) at once\)`, "同时至多 %s 个。"),

	detailOf(`is required`, "必须填写。"),
	detailOf(`"(.*)" is not one of .*`, "“%s”不在可选范围之内。"),
	detailOf(`"(.*)" is not a window like .*`, "请填写完整的开始日期与结束日期。"),
	detailOf(`"(.*)" ends before it begins`, "结束日期早于开始日期。"),
	detailOf(`"(.*)" is not a day like .*`, "请填写完整的日期。"),
	detailOf(`(\d+) days are more than (\d+)`, "共 %s 天，最多 %s 天。"),
	detailOf(`(\d+) days are fewer than (\d+)`, "共 %s 天，至少 %s 天。"),
	detailOf(`a window lies within 1900\.\.2199`, "日期须在 1900 年至 2199 年之间。"),
	detailOf(`(\S+) is outside of the data's public range, (\S+)\.\.(\S+)`, "%s 超出数据的公开范围（%s 至 %s）。"),
	detailOf(`looking back from the window to (\S+) is outside of the data's public range, which begins on (\S+)`, "回溯至 %s，早于数据公开范围的起点 %s。"),
	detailOf(`(\S+) is outside of \w+, .*`, "%s 不在所选时间窗口之内。"),
	detailOf(`"(.*)" is not a whole number`, "“%s”不是整数。"),
	detailOf(`(-?\d+) is not within (-?\d+)\.\.(-?\d+)`, "%s 不在 %s 至 %s 之间。"),
	detailOf(`(\S+) is not within (\d+)\.\.(\d+) yuan`, "%s 元不在 %s 至 %s 元之间。"),
	detailOf(`"(.*)" is no amount in yuan, with at most two decimals`, "“%s”不是金额（以元计，至多两位小数）。"),
	detailOf(`more than (\d+) (?:choices|probabilities)`, "最多 %s 项。"),
	detailOf(`(\d+) (?:lists|strata|layers) are more than (\d+)`, "选了 %s 项，最多 %s 项。"),
	detailOf(`fewer than (\d+) are given`, "至少须选 %s 项。"),
	detailOf(`"(.*)" is given twice`, "“%s”重复。"),
	detailOf(`steps out of order: (\S+) comes before (\S+)`, "步骤顺序有误：%s 应在 %s 之前。"),
	detailOf(`(\d+) numbers, where (\d+) are needed`, "有 %s 个数，应为 %s 个。"),
	detailOf(`"(.*)" is not a probability between 0 and 1`, "“%s”不是 0 与 1 之间的数。"),
	detailOf(`"(.*)" is not a layer like .*`, "“%s”不是“层额xs起赔点”这样的分层。"),
	detailOf(`(\d+) [a-z]+ is under (\d+), which this source has already merged`, "%s 小于 %s，而本数据源已按后者合并。"),
	detailOf(`".*" holds every code of \w+ \(.*\): nobody would be left`, "所选编码完全包含在另一参数之内，不会有人剩下。"),
	detailOf(`"(.*)" is for \w+ (\S+), not (\S+)`, "“%s”仅适用于“%s”，不适用于“%s”。"),
	detailOf(`the event must come after .*`, "事件须在第一个位置之后。"),
	detailOf(`(\S+) numbers are needed, not (\S+)`, "应有 %s 个数，现有 %s 个。"),
	detailOf(`at least two are needed that this variant has, not (\d+)`, "该分组方式下至少须选两项，现有 %s 项。"),
	detailOf(`(\S+) is not above 0 and finite`, "%s 须为大于 0 的数。"),
	detailOf(`a layer covers more than 0`, "每层的层额须大于 0。"),
	detailOf(`public_people is below 0`, "人群规模不能为负数。"),
	detailOf(`the size of the population is not a whole number`, "人群规模须为整数。"),
	detailOf(`this source holds no money.*`, "本数据源不含金额。"),

	detailOf(`a cost must be a number above 0`, "成本须为大于 0 的数。"),
	detailOf(`a cost of (\S+) is above the cap of rho (\S+)`, "成本 %s 高于上限 ρ %s。"),
	detailOf(`(?:".*" )?must be above 0 and finite`, "误差须为大于 0 的数。"),
	detailOf(`(?:".*" )?is not an error like .*`, "请填写误差，例如 50，或在 1000 人的组中为 5 %%。"),
	detailOf(`(?:".*" )?needs a group size.*`, "请填写组内人数（至少 1 人）。"),
	detailOf(`.*too precise, more than rho 0\.5 in one draw.*`, "要求过于精确，无法做到。"),
	detailOf(`.*so wide that the answer would say nothing.*`, "允许的误差过大，回答将没有意义。"),
	detailOf(`.*a reference value or group size is missing.*`, "该指标没有公开的通常值：请改用误差的绝对值，或直接给出成本。"),

	detailOf(`".*" is not in the policy`, "策略中没有该账号。"),
	detailOf(`\S+ may not \S+`, "您的角色不允许这样做。"),
	detailOf(`\S+ is for .+`, "该问题不面向您的角色。"),
	detailOf(`\S+ has no grant on (\S+)`, "您没有包含 %s 的授权。"),
	detailOf(`grant (\S+) ended on (\S+)`, "授权 %s 已于 %s 到期。"),
	detailOf(`".*" is not a purpose of both \S+ and grant (\S+)`, "该用途不同时为此问题与授权 %s 所允许。"),
	detailOf(`\S+ and grant (\S+) have no purpose in common`, "此问题与授权 %s 没有共同的用途。"),
	detailOf(`say for which purpose: .*`, "请选择用途。"),
	detailOf(`\S+ with digest \S+ was not certified`, "该问题的这一版本未经认证。"),
	detailOf(`(\S+) \S+ needs the approvals of two other people, and has (\d+) that hold now`, "所依据的%s须有另外两人批准，现有有效批准 %s 项。"),
}

// detail says what is wrong in the visitor's language, where that is known; foreign is true
// of words that stay in English on another language's page.
func (w words) detail(text string) (said string, foreign bool) {
	if w.lang != "zh" || text == "" {
		return text, false
	}
	if said, ok := w.detailForm(text); ok {
		return said, false
	}
	if m := ofParameter.FindStringSubmatch(text); m != nil {
		if said, ok := w.detailForm(m[2]); ok {
			return w.Name(m[1]) + w.say("colon") + said, false
		}
	}
	return text, true
}

func (w words) detailForm(text string) (string, bool) {
	for _, d := range chineseDetails {
		m := d.form.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		var gaps []any
		for _, part := range m[1:] {
			if subject, ok := w.has("subject " + part); ok {
				part = subject
			}
			gaps = append(gaps, w.Value(w.Written(part)))
		}
		for len(gaps) > gapsIn(d.says) {
			gaps = gaps[:len(gaps)-1] // what is quoted only there
		}
		return fmt.Sprintf(d.says, gaps...), true
	}
	return "", false
}

var anyGap = regexp.MustCompile(`%(\[\d\])?s`)

func gapsIn(text string) int { return len(anyGap.FindAllString(text, -1)) }
