package console

import (
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

var (
	refreshed = regexp.MustCompile(`http-equiv="refresh" content="\d+; url=([^"]*)"`)
	streamed  = regexp.MustCompile(`data-events="([^"]*)"`)
)

// TestWaitingKeepsNoSession: a tab that is left open on the waiting page asks for ever, and
// is signed out all the same; whoever does something stays.
func TestWaitingKeepsNoSession(t *testing.T) {
	const step = 10 * 60 // a session that is not used ends after thirty minutes
	for _, attended := range []bool{false, true} {
		s, d := site(t)
		path := "/console/requests/" + d.add("insurer-a", nil).ID
		b := signedIn(t, s, "token-a", "en")
		page := b.get(path)
		refresh, stream := refreshed.FindStringSubmatch(page.body), streamed.FindStringSubmatch(page.body)
		if refresh == nil || stream == nil {
			t.Fatal("the page does not look again")
		}
		for minutes := 10; minutes <= 60; minutes += 10 {
			d.later.Add(step)
			d.mu.Lock()
			for _, ticket := range d.tickets { // so that the stream ends at once
				ticket.State = "released"
			}
			d.mu.Unlock()
			events := b.get(stream[1])
			d.mu.Lock()
			for _, ticket := range d.tickets {
				ticket.State = "running"
			}
			d.mu.Unlock()
			again := b.get(path + html.UnescapeString(refresh[1]))
			in := minutes < 30
			if attended {
				in = true
				if p := b.get(path); p.path != path {
					t.Fatalf("signed out after %d minutes, though somebody looked", minutes)
				}
			}
			if (events.status == http.StatusOK) != in || strings.HasPrefix(again.path, "/console/sign-in") == in {
				t.Errorf("after %d minutes (somebody there: %v) the stream is %d and the page %s", minutes, attended, events.status, again.path)
			}
			if !in && strings.Contains(again.path, "look") {
				t.Errorf("signing in leads to a page that keeps no session: %s", again.path)
			}
		}
	}
}

// TestBrowserIdle: a tab whose reader has gone ends at the page where one signs in.
func TestBrowserIdle(t *testing.T) {
	s, d := site(t)
	c := startChromium(t, s.URL)
	c.as(allLooks[0])
	c.signIn("token-a")
	c.run("waiting", chromedp.Navigate(s.URL+"/console/requests/"+d.add("insurer-a", nil).ID), chromedp.WaitVisible(`[data-events]`))
	watched := func(streams int64) bool {
		for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			if d.waiting.Load() == streams {
				return true
			}
		}
		return false
	}
	turn := func(event string) {
		c.run(event, chromedp.Evaluate(fmt.Sprintf(`window.dispatchEvent(new PageTransitionEvent(%q, { persisted: true }))`, event), nil))
	}
	for range 2 {
		d.later.Add(10 * 60)
		turn("pagehide")
		if !watched(0) {
			t.Fatal("the stream stays open")
		}
		turn("pageshow")
		if !watched(1) {
			t.Fatal("it is not opened again")
		}
	}
	d.later.Add(11 * 60) // more than half an hour since anybody did anything
	turn("pagehide")
	if !watched(0) {
		t.Fatal("the stream stays open")
	}
	c.quietly("signed out", chromedp.Evaluate(`window.dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }))`, nil), chromedp.WaitVisible("#token"))
	var to string
	c.run("where to", chromedp.Value(`input[name="to"]`, &to, chromedp.ByQuery))
	if !strings.HasPrefix(to, "/console/requests/q-") || strings.Contains(to, "look") {
		t.Errorf("signing in leads to %s", to)
	}
}
