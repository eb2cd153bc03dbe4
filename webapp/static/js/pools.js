// The pool's form: offers the collations that discovery found while somebody types.
"use strict";

(() => {
  const list = document.querySelector("datalist[data-source]");
  const input = document.querySelector("[list=collations]");
  if (!list || !input) return;
  const PAUSE_MS = 200;
  let timer = 0;
  let asked = 0;

  async function offer() {
    asked += 1;
    const mine = asked;
    const answer = await fetch(`${list.dataset.source}?q=${encodeURIComponent(input.value)}`);
    if (!answer.ok || mine !== asked) return;
    const { names } = await answer.json();
    list.replaceChildren(...names.map((name) => Object.assign(document.createElement("option"), { value: name })));
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(offer, PAUSE_MS);
  });
  input.addEventListener("focus", offer, { once: true });
})();
