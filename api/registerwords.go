package api

import "github.com/qunxiang/qunxiang/queries"

// registerWords are the texts of the register's page. Each is there in both
// languages; %s stand in the same order.
var registerWords = map[string]queries.Text{
	"title":    {EN: "Public register", ZH: "数据使用公示"},
	"lead":     {EN: "Who asked about groups of insured people, what, for which purpose, and what it cost their privacy.", ZH: "谁就参保人群提出了什么问题、用于什么目的、消耗了多少隐私预算。"},
	"language": {EN: "中文", ZH: "English"}, // of the link to the other page
	"trial":    {EN: "This is a trial domain: no approvals were needed here.", ZH: "这是评估域：此处的提问无需审批。"},
	"nobody":   {EN: "Answers are about groups, never about a person. Each carries random noise and is given only for groups that are large enough; records never leave the authority. What exactly was asked for may be a trade secret and is not shown.", ZH: "所有回答均针对人群，绝不针对个人。每个回答都加入随机噪声，且仅对足够大的人群给出；原始数据不出域。提问的具体参数可能属于商业秘密，故不公示。"},

	"privacy":       {EN: "What it can mean for you", ZH: "对您意味着什么"},
	"promise":       {EN: "All answers together, until the budget for life is used up, move the odds of anything that could be said about you by at most a factor of %s (epsilon %s), but for a chance of 1 in %s.", ZH: "在终身预算用尽之前，所有回答合在一起，对任何关于您的推断，其几率的改变至多为 %s 倍（ε = %s），例外概率不超过 %s 分之一。"},
	"so far":        {EN: "What has been asked so far moves them by at most a factor of %s.", ZH: "截至目前的提问，改变至多为 %s 倍。"},
	"year promise":  {EN: "Of the records of any one year, epsilon %s is the most.", ZH: "任一年度的记录，ε 至多为 %s。"},
	"same for all":  {EN: "This holds whether or not your records are among those that were asked about, and whatever others know already.", ZH: "无论您的记录是否在被问及的数据之中，也无论他人已知道什么，这一保证都成立。"},
	"opt out":       {EN: "If you do not want to be counted", ZH: "如果您不希望被统计"},
	"opt out how":   {EN: "Tell %s that you want to be left out. From the next day on your records are left out of every new answer.", ZH: "请告知%s您不希望被统计。自次日起，所有新的回答都不再包含您的记录。"},
	"the authority": {EN: "the authority that keeps these data", ZH: "保管这些数据的主管部门"},
	"no contact":    {EN: "The authority has not said here how to reach it.", ZH: "主管部门尚未在此公布联系方式。"},
	"more":          {EN: "More about it", ZH: "详细说明"},

	"questions":     {EN: "Questions, newest first", ZH: "提问记录（由新到旧）"},
	"none":          {EN: "Nothing has been asked yet.", ZH: "尚无提问。"},
	"day":           {EN: "Day", ZH: "日期"},
	"who":           {EN: "Who asked", ZH: "提问机构"},
	"what":          {EN: "What", ZH: "内容"},
	"purpose":       {EN: "For which purpose", ZH: "用途"},
	"cost":          {EN: "Privacy cost", ZH: "隐私成本"},
	"outcome":       {EN: "Outcome", ZH: "结果"},
	"cost of":       {EN: "%s: %s of the budget", ZH: "%s：占预算 %s"},
	"for life":      {EN: "for life", ZH: "终身"},
	"records of":    {EN: "records of %s", ZH: "%s 年度记录"},
	"training":      {EN: "Training of a model together with others; %s rounds", ZH: "与其他机构联合训练模型；%s 轮"},
	"state running": {EN: "to come", ZH: "待答复"},
	"newer":         {EN: "Newer", ZH: "较新"},
	"older":         {EN: "Older", ZH: "较旧"},
	"page":          {EN: "Page %s of %s", ZH: "第 %s 页，共 %s 页"},

	"state released":  {EN: "answered", ZH: "已答复"},
	"state abandoned": {EN: "abandoned: paid for and never answered", ZH: "已放弃：已扣减预算，未予答复"},

	"budgets":      {EN: "Privacy budgets", ZH: "隐私预算"},
	"budgets note": {EN: "A budget that is used up is never filled again.", ZH: "预算用尽后不再补充。"},
	"budget":       {EN: "Budget", ZH: "预算"},
	"used":         {EN: "Used", ZH: "已用"},
	"left":         {EN: "Left", ZH: "剩余"},
	"uses":         {EN: "Who used them", ZH: "各机构用量"},
	"requests":     {EN: "Charged requests", ZH: "扣减预算的提问"},
	"of the cap":   {EN: "Part of the whole budget", ZH: "占总预算"},
	"repeats":      {EN: "Answered from store, at no cost", ZH: "直接取用已有回答（不再扣减预算）"},
	"times":        {EN: "Times", ZH: "次数"},
	"proof":        {EN: "All of this is read from a log that cannot be rewritten unseen, as far as its signed checkpoint goes. Days are those of China Standard Time (UTC+8).", ZH: "以上内容均取自不可暗中篡改的日志，以其签名检查点所覆盖的部分为准。日期按北京时间（UTC+8）计。"},

	"users": {EN: "For users of this service: sign in", ZH: "机构用户登录"},

	"purpose medical-engineering":         {EN: "medical engineering", ZH: "医学工程"},
	"purpose artificial-intelligence":     {EN: "artificial intelligence", ZH: "人工智能"},
	"purpose drug-development":            {EN: "development of medicines", ZH: "药物研发"},
	"purpose commercial-health-insurance": {EN: "commercial health insurance", ZH: "商业健康保险"},
	"purpose elder-care":                  {EN: "care of the elderly", ZH: "养老服务"},
	"purpose health-management":           {EN: "health management", ZH: "健康管理"},
	"purpose fund-regulation":             {EN: "supervision of the insurance fund", ZH: "医保基金监管"},
}
