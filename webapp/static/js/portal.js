// What every page has: copy buttons, relative times, confirmation, sortable tables, search key, theme.
// Attributes that pages use: data-copy, data-moment, data-confirm, data-sortable, data-sort, data-filter-rows.
// Other scripts call portal.times(element) after they put new times into the page.
const portal = (() => {
  const SECOND = 1000;
  const MINUTE = 60 * SECOND;
  const HOUR = 60 * MINUTE;
  const DAY = 24 * HOUR;
  const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
  const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

  // --- times -------------------------------------------------------------------------------------------

  function relative(at, now = Date.now()) {
    const distance = Math.abs(now - at);
    // What lies ahead is rounded: a plan that has just been made waits "3 days" and not "2".
    const whole = at > now ? Math.round : Math.floor;
    const [count, unit] =
      distance < MINUTE ? [Math.floor(distance / SECOND), "second"]
      : distance < HOUR ? [whole(distance / MINUTE), "minute"]
      : distance < DAY ? [whole(distance / HOUR), "hour"]
      : [whole(distance / DAY), "day"];
    if (unit === "day" && count > 30) return day.format(at);
    if (unit === "second" && count < 5) return at > now ? "in a moment" : "just now";
    const text = `${count} ${unit}${count === 1 ? "" : "s"}`;
    return at > now ? `in ${text}` : `${text} ago`;
  }

  function times(root = document) {
    for (const element of root.querySelectorAll("time[data-moment]")) {
      const at = Date.parse(element.dateTime);
      if (Number.isNaN(at)) continue;
      const text = relative(at);
      if (element.textContent !== text) element.textContent = text;
      if (!element.title) element.title = exact.format(at);
    }
  }

  // "5 minutes ago" says nothing on paper.
  function exactTimes() {
    for (const element of document.querySelectorAll("time[data-moment]")) {
      const at = Date.parse(element.dateTime);
      if (!Number.isNaN(at)) element.textContent = exact.format(at);
    }
  }

  // --- copy --------------------------------------------------------------------------------------------

  async function copy(text) {
    if (navigator.clipboard && isSecureContext) return navigator.clipboard.writeText(text);
    const area = document.createElement("textarea"); // over plain HTTP there is no other way
    area.value = text;
    area.setAttribute("readonly", "");
    area.className = "visually-hidden";
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }

  function say(text) {
    const place = document.getElementById("announcement");
    if (place) place.textContent = text;
  }

  async function onCopy(button) {
    try {
      await copy(button.dataset.copy);
    } catch {
      say("Copying is not possible here: select the text and copy it by hand.");
      return;
    }
    button.classList.add("is-copied");
    say("Copied.");
    setTimeout(() => button.classList.remove("is-copied"), 1500);
  }

  // --- confirmation ------------------------------------------------------------------------------------

  // data-confirm holds the name to type; a text that ends in "?" is only asked.
  function confirmation(form, submitter) {
    const dialog = document.getElementById("confirm");
    const wanted = submitter?.dataset.confirm ?? form.dataset.confirm;
    const isQuestion = wanted.trim().endsWith("?");
    const question = submitter?.dataset.question ?? form.dataset.question;
    const input = dialog.querySelector("input");
    const go = dialog.querySelector("[data-go]");
    const label = submitter?.textContent.trim() || "Continue";
    dialog.querySelector("[data-title]").textContent = isQuestion ? wanted : `${label.includes(wanted) ? label : `${label} ${wanted}`}?`;
    dialog.querySelector("[data-question]").textContent = question ?? "";
    dialog.querySelector("[data-typing]").hidden = isQuestion;
    dialog.querySelector("[data-name]").textContent = wanted;
    go.textContent = label;
    go.className = `btn ${submitter?.classList.contains("btn-primary") ? "btn-primary" : "btn-danger"}`; // red only for danger
    input.value = "";
    const check = () => { go.disabled = !isQuestion && input.value !== wanted; };
    input.oninput = check;
    check();
    dialog.onclose = () => {
      if (dialog.returnValue !== "go") return;
      form.dataset.confirmed = "yes";
      form.requestSubmit(submitter ?? undefined);
    };
    dialog.returnValue = "";
    dialog.showModal();
    (isQuestion ? go : input).focus();
  }

  function onSubmit(event) {
    const form = event.target;
    if (form.closest("dialog#confirm")) return;
    const asks = event.submitter?.dataset.confirm ?? form.dataset.confirm;
    if (asks && form.dataset.confirmed !== "yes") {
      event.preventDefault();
      confirmation(form, event.submitter);
      return;
    }
    delete form.dataset.confirmed;
    if (form.method !== "post" || event.defaultPrevented) return;
    // A double click sends once. Later, so that the button's own value still goes with the form.
    const buttons = form.querySelectorAll("button:not([type=button]), input[type=submit]");
    setTimeout(() => {
      for (const button of buttons) button.disabled = true;
    });
    setTimeout(() => {
      for (const button of buttons) button.disabled = false;
    }, 10 * SECOND);
  }

  // --- tables ------------------------------------------------------------------------------------------

  function sortValue(row, column) {
    const cell = row.cells[column];
    const text = cell?.dataset.sort ?? cell?.querySelector("time")?.dateTime ?? cell?.textContent.trim() ?? "";
    const number = Number.parseFloat(text);
    return /^-?\d/.test(text) && !Number.isNaN(number) && !/^\d{4}-/.test(text) ? number : text.toLowerCase();
  }

  function sortTable(header) {
    const table = header.closest("table");
    const body = table.tBodies[0];
    const column = header.cellIndex;
    const isDown = header.getAttribute("aria-sort") === "ascending";
    const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b)));
    const rows = [...body.rows].map((row) => [sortValue(row, column), row]);
    rows.sort(([a], [b]) => (isDown ? -1 : 1) * compare(a, b));
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", isDown ? "descending" : "ascending");
    body.append(...rows.map(([, row]) => row));
  }

  function makeSortable(table) {
    for (const header of table.tHead?.rows[0]?.cells ?? []) {
      if (header.dataset.sortable === "no" || !header.textContent.trim()) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...header.childNodes);
      button.addEventListener("click", () => sortTable(header));
      header.append(button);
    }
  }

  // <input data-filter-rows="#table">: shows only rows that hold the text.
  function filterRows(input) {
    const text = input.value.trim().toLowerCase();
    for (const row of document.querySelectorAll(`${input.dataset.filterRows} tbody tr`)) {
      row.hidden = !row.textContent.toLowerCase().includes(text);
    }
  }

  // --- tabs: the address keeps which one is open ----------------------------------------------------------

  function openTab() {
    const tabs = [...document.querySelectorAll('[data-bs-toggle="tab"]')];
    const wanted = tabs.find((tab) => location.hash && tab.dataset.bsTarget === location.hash);
    if (wanted && window.bootstrap) window.bootstrap.Tab.getOrCreateInstance(wanted).show();
  }

  // --- keyboard ----------------------------------------------------------------------------------------

  function onKey(event) {
    const isTyping = event.target.closest?.("input, textarea, select, [contenteditable]");
    const search = document.getElementById("search");
    if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey && search) {
      event.preventDefault();
      search.focus();
      search.select();
    } else if (event.key === "Escape" && event.target === search) {
      search.blur();
    }
  }

  function start() {
    times();
    setInterval(times, 10 * SECOND);
    for (const place of document.querySelectorAll("[data-time-zone]")) {
      place.textContent = Intl.DateTimeFormat().resolvedOptions().timeZone;
    }
    document.querySelectorAll("table[data-sortable]").forEach(makeSortable);
    openTab();
    // A narrow window scrolls the tabs: show the one that is open.
    const tab = document.querySelector(".nav-tabs .active");
    const tabs = tab?.closest(".nav-tabs"); // only the tabs: the page itself stays where it is
    if (tabs) tabs.scrollLeft = tab.getBoundingClientRect().right - tabs.getBoundingClientRect().left - tabs.clientWidth;
    document.addEventListener("click", (event) => {
      const copyButton = event.target.closest("[data-copy]");
      if (copyButton) onCopy(copyButton);
      if (event.target.closest("[data-toggle-theme]")) window.toggleTheme();
      if (event.target.closest("[data-print]")) window.print();
      if (event.target.closest("[data-reload]")) location.reload();
    });
    document.addEventListener("input", (event) => {
      if (event.target.dataset?.filterRows) filterRows(event.target);
    });
    document.addEventListener("submit", onSubmit);
    document.addEventListener("keydown", onKey);
    document.addEventListener("shown.bs.tab", (event) => {
      const target = event.target.dataset.bsTarget;
      if (target?.startsWith("#")) history.replaceState(null, "", target);
    });
    addEventListener("hashchange", openTab);
    addEventListener("beforeprint", exactTimes);
    addEventListener("afterprint", () => times());
    addEventListener("pageshow", (event) => {
      if (!event.persisted) return; // back from the browser's cache: buttons work again
      for (const button of document.querySelectorAll("form[method=post] button")) button.disabled = false;
    });
  }

  start();
  return { times, copy, relative, say };
})();
window.portal = portal;
