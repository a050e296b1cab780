package console

import "maps"

// Words of the page of one proposal.
func init() {
	maps.Copy(english, approvalEnglish)
	maps.Copy(chinese, approvalChinese)
}

var approvalEnglish = map[string]string{
	"pair lead":        "These two files are the template, as it was certified. The digest above is of this pair, and an approval counts for no other.",
	"pair uncertified": "This pair is NOT certified: no question is answered by it, approved or not.",
	"pair page":        "What it answers, reads and bounds, and what certification found",
	"pair first":       "No other version of this template was approved in this log: both files are shown whole.",
	"pair before":      "Shown is what changes against %s, the version that two people approved last in this log.",
	"pair lost":        "Two people approved %s before, whose files this program does not hold: both files are shown whole.",
	"pair none":        "This program holds no template with this name and digest, so it has nothing to show of it.",
	"proposal data":    "The quality of this load",
	"proposal job":     "The card in parts, and what the log has of the job",
}

var approvalChinese = map[string]string{
	"pair lead":        "模板即这两个文件，与认证时一致。上方摘要是这一对文件的摘要，批准仅对其有效。",
	"pair uncertified": "这一对文件未经认证：无论批准与否，都不会据其作答。",
	"pair page":        "它回答什么、读取什么、如何限界，以及认证结果",
	"pair first":       "本日志中未批准过该模板的其他版本：两个文件全文显示。",
	"pair before":      "以下为相对 %s 的变更，该版本是本日志中最近一次由两人批准的版本。",
	"pair lost":        "此前两人批准过 %s，但本程序没有其文件：两个文件全文显示。",
	"pair none":        "本程序没有此名称与摘要的模板，无从显示其内容。",
	"proposal data":    "本次载入的数据质量",
	"proposal job":     "任务卡分项及日志中的相关记录",
}
