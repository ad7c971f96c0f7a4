// Puts the new parts of the page in the place of the old ones when the daemon says that something changed.
"use strict";

(() => {
  const parts = ["top", "main", "foot"];
  // The daemon closes a stream after a while, and a proxy may refuse it: then the page looks by itself.
  const quiet = 10_000;
  let busy = false;
  let again = false;
  let last = Date.now();

  const state = () => document.getElementById("state")?.textContent.trim() ?? "";

  // Not by a parser of text: the page's policy allows none.
  const load = () =>
    new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open("GET", location.href);
      request.responseType = "document";
      request.timeout = quiet;
      request.onload = () => (request.status === 200 && request.response ? resolve(request.response) : reject());
      request.onerror = request.ontimeout = reject;
      request.send();
    });

  const swap = (next) => {
    const open = new Set([...document.querySelectorAll("details[open]")].map((details) => details.id));
    const stops = () => [...document.querySelectorAll("a, summary")];
    const focused = stops().indexOf(document.activeElement);
    const before = state();
    for (const id of parts) {
      const [old, fresh] = [document.getElementById(id), next.getElementById(id)];
      if (!old || !fresh) continue;
      for (const details of fresh.querySelectorAll("details")) details.open = open.has(details.id);
      old.replaceWith(document.adoptNode(fresh));
    }
    document.title = next.title;
    told();
    // What had the focus is new, at the same place in the order of the page.
    if (focused >= 0 && document.activeElement === document.body) stops()[focused]?.focus({ preventScroll: true });
    // Only news is read out.
    if (state() !== before) document.getElementById("said").textContent = state();
  };

  const told = () => {
    const live = document.getElementById("live");
    if (live) live.textContent = live.dataset.live;
  };

  const refresh = async () => {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    last = Date.now();
    try {
      swap(await load());
    } catch {
      document.getElementById("said").textContent = "The daemon does not answer.";
    } finally {
      busy = false;
      if (again) {
        again = false;
        setTimeout(refresh, 1000);
      }
    }
  };

  const listen = () => {
    const changes = new EventSource("api/v1/changes");
    changes.onmessage = () => document.hidden || refresh();
    changes.onerror = () => {
      if (changes.readyState === EventSource.CLOSED) setTimeout(listen, quiet);
    };
  };

  told();
  listen();
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
  // Ages grow by themselves.
  setInterval(() => document.hidden || Date.now() - last < quiet || refresh(), 1000);
})();
