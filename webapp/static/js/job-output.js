// The output of a job: follows its end, pauses when one scrolls up, loads older lines, searches, links lines.

const box = document.getElementById("output");
const lines = document.getElementById("lines");
const older = document.getElementById("older");
const NEAR_END = 24; // pixels

function isAtEnd() {
  return box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END;
}

async function loadOlder() {
  older.disabled = true;
  try {
    const answer = await fetch(`${box.dataset.older}?before=${box.dataset.first}`, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const { html, first_stream: first, has_older: hasOlder } = await answer.json();
    const height = box.scrollHeight;
    const top = box.scrollTop;
    const template = document.createElement("template");
    template.innerHTML = html;
    lines.prepend(template.content);
    box.scrollTop = top + box.scrollHeight - height; // what one reads stays where it is
    box.dataset.first = first;
    older.hidden = !hasOlder;
  } catch {
    older.textContent = "Older lines could not be loaded. Try again";
  } finally {
    older.disabled = false;
  }
}

function goToLine() {
  const wanted = /^#l(\d+)$/.exec(location.hash);
  document.querySelector(".line.is-target")?.classList.remove("is-target");
  if (!wanted) return false;
  const line = document.getElementById(location.hash.slice(1));
  if (line) {
    line.classList.add("is-target");
    line.scrollIntoView({ block: "center" });
  } else if (new URLSearchParams(location.search).get("line") !== wanted[1]) {
    location.replace(`${location.pathname}?line=${wanted[1]}${location.hash}`); // not in this window
  }
  return true;
}

// Follows the end while the job runs. Returns how lines are appended.
export function follower(isLive = true) {
  const button = document.getElementById("follow");
  let isFollowing = true;
  const say = () => {
    button.setAttribute("aria-pressed", String(isFollowing));
    button.querySelector("span").textContent = isFollowing ? "Following" : "Follow";
  };
  const set = (value) => {
    isFollowing = value;
    say();
    if (isFollowing) box.scrollTop = box.scrollHeight;
  };
  button.hidden = !isLive;
  button.addEventListener("click", () => set(!isFollowing));
  box.addEventListener("scroll", () => {
    if (isLive && isFollowing !== isAtEnd()) { isFollowing = isAtEnd(); say(); }
  });
  older.addEventListener("click", loadOlder);
  addEventListener("hashchange", () => { if (goToLine()) { isFollowing = false; say(); } });
  if (goToLine()) { isFollowing = false; say(); } else set(true);
  return {
    append(fresh, most) {
      const wasFollowing = isFollowing;
      lines.append(fresh);
      // Only while one looks at the end: lines that one reads must not go away.
      if (wasFollowing && lines.childElementCount > most) {
        location.hash ? null : trim(most);
      }
      if (wasFollowing) box.scrollTop = box.scrollHeight;
      document.getElementById("find").dispatchEvent(new Event("refresh"));
    },
  };
}

// Drops the oldest lines. They come back by a link to the first one that is left.
function trim(most) {
  while (lines.childElementCount > most * 0.75) lines.firstElementChild.remove();
  const first = lines.firstElementChild.id.slice(1);
  const link = document.createElement("a");
  link.className = "btn btn-sm btn-outline-secondary output-older";
  link.href = `${location.pathname}?line=${Number(first) - 1}#l${Number(first) - 1}`;
  link.textContent = "Older lines";
  link.id = "older-link";
  document.getElementById("older-link")?.remove();
  older.hidden = true;
  older.before(link);
}

// Marks what is searched in the lines of the page, without touching them.
export function find() {
  const input = document.getElementById("find");
  const count = document.getElementById("find-count");
  let found = [];
  let at = -1;
  const mark = () => {
    if (!window.CSS?.highlights) return;
    CSS.highlights.delete("found");
    CSS.highlights.delete("found-now");
    if (!found.length) return;
    CSS.highlights.set("found", new Highlight(...found));
    if (at >= 0) CSS.highlights.set("found-now", new Highlight(found[at]));
  };
  const look = () => {
    const wanted = input.value.toLowerCase();
    found = [];
    if (wanted) {
      for (const line of lines.children) {
        if (!line.lastElementChild.textContent.toLowerCase().includes(wanted)) continue;
        found.push(...ranges(line.lastElementChild, wanted));
        if (found.length > 5000) break;
      }
    }
    at = Math.min(at, found.length - 1);
    count.textContent = !wanted ? "" : at >= 0 ? `${at + 1} of ${found.length}` : String(found.length);
    mark();
  };
  const go = (step) => {
    if (!found.length) return;
    at = (at + step + found.length) % found.length;
    count.textContent = `${at + 1} of ${found.length}`;
    mark();
    found[at].startContainer.parentElement.closest(".line").scrollIntoView({ block: "center" });
  };
  input.addEventListener("input", () => { at = -1; look(); });
  input.addEventListener("refresh", look);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && found.length) {
      event.preventDefault();
      go(event.shiftKey ? -1 : 1);
    } else if (event.key === "Escape") {
      input.value = "";
      look();
    }
  });
  look();
}

// Where `wanted` stands in the text of an element, over the borders of its coloured pieces.
function ranges(element, wanted) {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const texts = [];
  let length = 0;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    texts.push([length, node]);
    length += node.data.length;
  }
  const place = (offset, isEnd) => {
    let i = texts.length - 1;
    while (i > 0 && (isEnd ? texts[i][0] >= offset : texts[i][0] > offset)) i -= 1;
    return [texts[i][1], offset - texts[i][0]];
  };
  const text = element.textContent.toLowerCase();
  const all = [];
  if (text.length !== length) return all; // a letter that changes its length in lower case
  for (let start = text.indexOf(wanted); start >= 0; start = text.indexOf(wanted, start + wanted.length)) {
    const range = document.createRange();
    range.setStart(...place(start, false));
    range.setEnd(...place(start + wanted.length, true));
    all.push(range);
  }
  return all;
}
