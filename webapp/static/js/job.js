// A job's page, live. The server sends HTML that it made itself; here it is only put in its place.
import { follower, find } from "./job-output.js";

const MOST_LINES = 6000; // in the page; older ones are loaded again on demand
const job = document.getElementById("job");
const live = document.getElementById("job-live");

// --- time that runs --------------------------------------------------------------------------------------

function spoken(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function tick() {
  for (const place of document.querySelectorAll("[data-elapsed]")) {
    place.textContent = spoken(Math.max(0, Date.now() / 1000 - Number(place.dataset.elapsed)));
  }
}

// --- what comes ------------------------------------------------------------------------------------------

function nodes(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}

// --- what comes after it: another job, which this one's stream does not tell -------------------------------

const outlook = document.getElementById("job-outlook");
let state = document.querySelector("#job-heading [data-state]")?.dataset.state;
let lookingOut = 0;

function lookOutAgain(seconds) {
  clearTimeout(lookingOut);
  if (seconds) lookingOut = setTimeout(lookOut, seconds * 1000);
}

async function lookOut() {
  lookOutAgain(Number(outlook.dataset.lookAgain));
  if (document.hidden) return;
  try {
    const answer = await fetch(outlook.dataset.outlook, { headers: { Accept: "application/json" } });
    if (answer.redirected || answer.status === 403 || answer.status === 404) return lookOutAgain(0); // the session has ended
    if (!answer.ok) return;
    const found = await answer.json();
    if (found.html.trim() !== outlook.dataset.shown) {
      outlook.dataset.shown = found.html.trim();
      outlook.replaceChildren(nodes(found.html));
      window.portal?.times(outlook);
    }
    outlook.dataset.lookAgain = found.look_again_s;
    lookOutAgain(found.look_again_s);
  } catch {
    // the portal is restarting, or the network is away: try again
  }
}

function onHeading(heading) {
  document.getElementById("job-heading").replaceChildren(nodes(heading.html));
  for (const action of document.querySelectorAll("[data-action]")) {
    action.hidden = !heading.actions.includes(action.dataset.action) || heading.actions.includes(action.dataset.unless);
  }
  if (heading.state !== state) lookOut();
  state = heading.state;
  document.title = document.title.replace(/ · [^·]+ · SQL hosting$/, ` · ${heading.state} · SQL hosting`);
  window.portal?.times(document.getElementById("job-heading"));
  tick();
}

function reveal(shown, hidden) {
  document.getElementById(shown)?.removeAttribute("hidden");
  document.getElementById(hidden)?.setAttribute("hidden", "");
}

// Puts each row where it belongs; a row that is there already is replaced.
function upsert(place, rows, before) {
  for (const row of rows) {
    const fresh = nodes(row.html).querySelector("[id]");
    const old = document.getElementById(fresh.id);
    if (old) {
      if (old.matches("details") && old.dataset.status === fresh.dataset.status) fresh.open = old.open;
      old.replaceWith(fresh);
    } else {
      place.insertBefore(fresh, before ? before(place, fresh) : null);
    }
  }
}

// Statements stand in the order of the journal, whatever the order in which their outcomes come.
function inOrder(place, fresh) {
  let next = null;
  for (let row = place.lastElementChild; row && row.dataset.order > fresh.dataset.order; row = row.previousElementSibling) next = row;
  return next;
}

// A result belongs under the start of its task, also when another task has begun on other hosts meanwhile.
function underItsTask(place, fresh) {
  if (fresh.classList.contains("task-start")) return null;
  let row = document.getElementById(fresh.dataset.task)?.nextElementSibling ?? null;
  while (row && !row.classList.contains("task-start")) row = row.nextElementSibling;
  return row;
}

const TABS = {
  output: (news, output) => {
    if (!news.lines) return;
    document.getElementById("output-empty").hidden = true;
    output.append(nodes(news.lines), MOST_LINES);
  },
  tasks: (news) => {
    const show = job.dataset.show;
    const rows = show
      ? news.results.filter((row) => row.state === show || (show === "failed" && row.state === "unreachable"))
      : news.results;
    if (!rows.length) return;
    reveal("results-table", "results-empty");
    upsert(document.getElementById("results"), rows, show ? null : underItsTask);
  },
  statements: (news) => {
    if (!news.statements.length) return;
    reveal("statements", "statements-empty");
    upsert(document.getElementById("statements"), news.statements, inOrder);
  },
  mine: (news) => {
    if (news.results.length) {
      reveal("steps", "steps-empty");
      upsert(document.getElementById("steps"), news.results);
    }
    if (news.statements.length) {
      reveal("changes-table", "changes-empty");
      upsert(document.getElementById("changes"), news.statements);
    }
  },
};

function follow() {
  const tab = job.dataset.tab;
  const parts = { output: "output", tasks: "tasks", statements: "statements", mine: "tasks,statements" }[tab] ?? "none";
  const query = new URLSearchParams({ after: job.dataset.after, parts: job.dataset.follow === "yes" ? parts : "none", show: tab === "statements" ? job.dataset.show : "" });
  const output = tab === "output" ? follower() : null;
  const source = new EventSource(`${job.dataset.stream}?${query}`);
  const on = (kind, act) => source.addEventListener(kind, (message) => act(JSON.parse(message.data)));
  on("heading", onHeading);
  on("news", (news) => TABS[tab]?.(news, output));
  const stop = (text) => {
    source.close();
    live.textContent = text;
    live.hidden = !text;
    job.dataset.ended = "yes";
  };
  on("end", () => stop(""));
  on("gone", () => stop("You no longer see this job: log in again."));
  source.onopen = () => { live.hidden = true; };
  let retry = 0;
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) {
      // The portal answered with an error, and browsers give up then. Load the page again, later and later.
      live.textContent = "The portal does not answer. Load the page again.";
      live.hidden = false;
    } else if (++retry > 3) {
      live.textContent = "Connecting…";
      live.hidden = false;
    }
  };
  on("heading", () => { retry = 0; });
  addEventListener("pagehide", () => source.close());
}

if (job) {
  tick();
  setInterval(tick, 1000);
  if (job.dataset.tab === "output") find();
  lookOutAgain(Number(outlook.dataset.lookAgain));
  // An ended job has everything in the page already.
  if (job.dataset.ended !== "yes") follow();
  else if (job.dataset.tab === "output") follower(false);
  addEventListener("keydown", (event) => {
    if (job.dataset.tab !== "statements" || !["j", "k"].includes(event.key) || event.target.closest("input, textarea, select") || event.ctrlKey || event.metaKey) return;
    const all = [...document.querySelectorAll(".statement > summary")];
    const at = all.indexOf(document.activeElement);
    all[event.key === "j" ? Math.min(all.length - 1, at + 1) : Math.max(0, at - 1)]?.focus();
  });
}
