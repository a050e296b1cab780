// Package console is the pages for people: HTML that is written on the server,
// embedded in the binary, and complete without a script. One small script of its own
// shows the price of a question while it is typed and the answer when it is due.
//
// Nothing is decided here. A page is what the services of package api give to the
// signed-in principal, put into words and pictures in one of two languages; what a
// principal may not have is, byte for byte, the page of what does not exist. No page
// that clients reach has a number that was not released or is not public: they read
// releases, estimates, the policy, the published log, and of trainings what follows from
// job cards and from the noisy sums that every node has. Two pages have facts about the
// data, for stewards: they are on the domain's own listener and nowhere else ([Inside]).
//
// Each page is a Go file with a file of the same name in html. Words are in english.go
// and chinese.go, those about trainings and data in files of their own.
package console
