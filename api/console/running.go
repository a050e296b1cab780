package console

import "time"

// Import is a load that is under way. How far it is is about the data.
type Import struct {
	Binding string    `json:"binding"`
	By      string    `json:"by"` // the principal
	Begun   time.Time `json:"begun"`
	// Stage, the file or table that it is at, and the steps of the stage, as they were At.
	At    time.Time `json:"at"`
	Stage string    `json:"stage"`
	Name  string    `json:"name"`
	Done  int64     `json:"done"`
	Total int64     `json:"total"`
	// Broken says that its process has gone.
	Broken bool `json:"-"`
}

// runningView is what goes on in the domain.
type runningView struct {
	Import *Import
	Runs   []runView
	Again  int
}

// runView is a question that is charged and not answered yet.
type runView struct {
	Question, Organisation string
	Since, Due             time.Time
}

// runningSeconds is after how long the page of what goes on looks again.
const runningSeconds = 5

// running shows the load and the runs that are under way, to whom facts about the data are
// shown. How far a run is nobody is told.
func (c *console) running(v *view) error {
	if !v.seesData() {
		return errNotFound
	}
	page := runningView{Again: runningSeconds}
	var err error
	if page.Import, err = c.Inside.Importing(); err != nil {
		return err
	}
	for _, r := range c.Running() {
		page.Runs = append(page.Runs, runView{v.question(r.Template), r.Organisation, r.Time, r.Due})
	}
	v.Wait = runningSeconds
	return v.show("running", v.say("running"), page)
}

// Step is a number of steps among all of a stage, from 1.
func (i *Import) Step() int64 { return min(i.Done+1, i.Total) }
