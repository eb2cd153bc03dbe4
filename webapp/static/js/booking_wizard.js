// The booking wizard: live availability and names, search in the collations, the share of the pool, and a draft
// that is kept while the user types. Every step works without this script too.
(() => {
  const form = document.querySelector("form[data-wizard]");
  if (!form) return;

  // --- the draft ---------------------------------------------------------------------------------------

  let isChanged = false;
  let isSubmitted = false;
  let timer;

  function keep() {
    if (!isChanged || isSubmitted) return;
    isChanged = false;
    // keepalive: the request outlives this page, as when the browser's back button is pressed.
    fetch(form.dataset.keep, { method: "POST", body: new FormData(form), keepalive: true }).catch(() => { isChanged = true; });
  }

  form.addEventListener("input", () => {
    isChanged = true;
    clearTimeout(timer);
    timer = setTimeout(keep, 600);
  });
  form.addEventListener("submit", () => { isSubmitted = true; clearTimeout(timer); });
  addEventListener("pagehide", keep);
  addEventListener("pageshow", (event) => { if (event.persisted) isSubmitted = false; });

  // --- availability ------------------------------------------------------------------------------------

  const name = form.querySelector("[data-availability]");
  const said = document.getElementById("availability");
  let asked = 0;

  function say(text, look) {
    said.textContent = text;
    said.className = `availability ${look}`;
  }

  async function ask() {
    const value = name.value.trim();
    const number = ++asked;
    if (!value) return say("", "");
    try {
      const answer = await fetch(`${name.dataset.availability}?name=${encodeURIComponent(value)}`);
      const found = await answer.json();
      if (number !== asked) return; // the user has typed on meanwhile
      say(found.is_available ? `✓ ${found.name} is free` : found.problem, found.is_available ? "is-free" : "is-taken");
    } catch {
      if (number === asked) say("", ""); // the step itself checks again
    }
  }

  if (name) {
    let waiting;
    name.addEventListener("input", () => {
      for (const part of document.querySelectorAll("[data-name-part]")) part.textContent = name.value.trim() || "shop";
      clearTimeout(waiting);
      waiting = setTimeout(ask, 250);
    });
    // A name that was sent has its problem beside it already; one that was typed before this script came has not.
    const isSent = name.classList.contains("is-invalid") && name.value === name.defaultValue;
    if (name.value && !isSent) ask();
  }

  // --- collations --------------------------------------------------------------------------------------

  const search = form.querySelector("[data-collations]");
  const list = document.getElementById("collations");
  let searched = 0;

  function choice(collation) {
    const label = document.createElement("label");
    label.className = "choice";
    label.dataset.found = "";
    const input = Object.assign(document.createElement("input"), { type: "radio", name: "collation", value: collation.name, className: "form-check-input" });
    const text = document.createElement("span");
    text.className = "choice-text";
    const title = document.createElement("strong");
    title.textContent = collation.name;
    const words = document.createElement("span");
    words.textContent = collation.words;
    text.append(title, words);
    label.append(input, text);
    return label;
  }

  async function look() {
    const text = search.value.trim().toLowerCase();
    const number = ++searched;
    for (const old of list.querySelectorAll("[data-found]:not(:has(:checked))")) old.remove();
    const shown = [...list.querySelectorAll(".choice")];
    for (const one of shown) {
      const words = text.split(/\s+/);
      one.hidden = !one.querySelector(":checked") && !words.every((word) => one.textContent.toLowerCase().includes(word));
      one.style.display = one.hidden ? "none" : "";
    }
    let found = [];
    if (text) {
      const answer = await fetch(`${search.dataset.collations}?search=${encodeURIComponent(text)}`);
      found = (await answer.json()).collations;
      if (number !== searched) return;
    }
    const known = new Set([...list.querySelectorAll("input")].map((input) => input.value));
    list.append(...found.filter((one) => !known.has(one.name)).map(choice));
    document.getElementById("collations-none").hidden = !text || [...list.children].some((one) => !one.hidden);
  }

  if (search) {
    let waiting;
    search.addEventListener("input", (event) => {
      event.stopPropagation(); // no part of the draft
      clearTimeout(waiting);
      waiting = setTimeout(() => look().catch(() => {}), 200);
    });
    search.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
  }

  // --- database ----------------------------------------------------------------------------------------

  const size = form.querySelector("[data-size]");
  const room = form.querySelector("[data-capacity-mib]");

  function share() {
    const gib = Number.parseFloat(size.value.replace(",", "."));
    const capacity = Number.parseFloat(room.dataset.capacityMib);
    const log = Math.min(
      Math.max(Number(room.dataset.smallestLogMib), (gib * 1024) / Number(room.dataset.logShare)),
      Number(room.dataset.largestLogMib),
    );
    const percent = Number.isFinite(gib) && gib > 0 && capacity > 0 ? (100 * (gib * 1024 + log)) / capacity : 0;
    const progress = room.querySelector(".progress");
    room.querySelector(".progress-bar").style.width = `${Math.min(100, percent)}%`;
    progress.setAttribute("aria-valuenow", Math.min(100, Math.round(percent)));
    room.querySelector(".usage").className = `usage ${percent > 100 ? "usage-critical" : percent >= 80 ? "usage-warning" : ""}`;
    room.querySelector("[data-share]").textContent =
      percent > 100 ? "; you ask for more than that" : percent > 0 ? `; you ask for ${percent < 1 ? "less than 1" : Math.round(percent)} % of it` : "";
  }

  if (size && room) {
    size.addEventListener("input", share);
    share();
  }
  for (const input of form.querySelectorAll("[data-preview]")) {
    const place = document.getElementById(input.dataset.preview);
    input.addEventListener("input", () => { place.textContent = input.value.trim() || "…"; });
  }
})();
