// A few conveniences; every page is whole without them.
"use strict";

// A page that reads itself again says so: it does not keep the session of whoever has left.
const looking = () => {
  const to = new URL(location.href);
  to.searchParams.set("look", "");
  to.hash = "";
  return to;
};
const lookAgain = () => location.replace(looking());
{
  const shown = new URL(location.href);
  if (shown.searchParams.has("look")) {
    shown.searchParams.delete("look"); // what the reader does from here on, the reader does
    history.replaceState(history.state, "", shown);
  }
}

// The price of a question, as it is typed: an estimate costs nothing. The newest asking wins.
for (const form of document.querySelectorAll("form[data-price]")) {
  const place = document.getElementById("price");
  let timer = 0;
  let asked = 0;
  // A price that is not of what stands in the form is nobody's agreement.
  const disagree = () => {
    asked++; // what is on its way is of another question
    place.removeAttribute("aria-busy");
    const agreed = place.querySelector("[name=max_rho]");
    if (agreed) agreed.value = "";
  };
  const ask = async (opening) => {
    if (!form.checkValidity()) return;
    const mine = ++asked;
    place.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(form.dataset.price, {
        method: "POST",
        headers: { "Qunxiang-Part": "price" },
        body: new URLSearchParams([...new FormData(form), ...(opening ? [["opening", "yes"]] : [])]),
        redirect: "error",
      });
      const text = await answer.text();
      if (mine === asked && text.length < 100000) {
        const page = new DOMParser().parseFromString(text, "text/html");
        place.replaceChildren(...page.body.childNodes);
      }
    } catch {
      // The button still shows the price.
    } finally {
      if (mine === asked) place.removeAttribute("aria-busy");
    }
  };
  form.addEventListener("input", () => {
    disagree();
    clearTimeout(timer);
    timer = setTimeout(() => ask(false), 500);
  });
  window.addEventListener("pagehide", () => clearTimeout(timer));
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    for (const busy of form.querySelectorAll("[aria-busy]")) busy.removeAttribute("aria-busy");
    disagree(); // what was agreed to was agreed to then
    ask(false);
  });
  form.addEventListener("submit", (event) => {
    // A second click sends the same form again, which is charged once; the mark is for people.
    if (event.submitter) event.submitter.setAttribute("aria-busy", "true");
  });
  if (!place.querySelector(".price") && !place.querySelector("[role=alert]")) ask(true);
}

// An answer, when it is due. What the server says is the state and nothing else.
// A page that is left holds no stream open: it may be kept for the way back, and goes on then.
for (const wait of document.querySelectorAll("[data-events]")) {
  let events = null;
  const watch = () => {
    if (events) return;
    events = new EventSource(wait.dataset.events);
    events.addEventListener("state", (event) => {
      if (event.lastEventId !== "running") {
        events.close();
        lookAgain();
      }
    });
    // A stream that will not come back, as when the session ended, leaves the page waiting
    // for ever: read anew, it asks to sign in and then waits on.
    events.addEventListener("error", () => {
      if (!events || events.readyState !== EventSource.CLOSED) return;
      events = null;
      setTimeout(() => lookAgain(), 5000);
    });
  };
  window.addEventListener("pagehide", () => {
    if (events) events.close();
    events = null;
  });
  window.addEventListener("pageshow", watch);
  watch();
}

// What goes on elsewhere, every few seconds while somebody looks. Where it is over, the
// whole page is read again.
for (const now of document.querySelectorAll("[data-again]")) {
  const timer = setInterval(async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(looking(), { redirect: "manual" });
      if (answer.type === "opaqueredirect") lookAgain(); // to sign in again
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById(now.id);
      if (!fresh || !fresh.dataset.again) {
        clearInterval(timer);
        lookAgain();
      } else if (fresh.innerHTML !== now.innerHTML && !now.contains(document.activeElement)) {
        now.replaceChildren(...fresh.childNodes);
      }
    } catch {
      // The next turn tries again.
    }
  }, 1000 * now.dataset.again);
}
