// A request's page while the request is on its way: asks every two seconds and shows what is new.
(() => {
  const place = document.querySelector("[data-live]");
  if (!place || place.hasAttribute("data-over")) return;
  const EVERY_MS = 2000;
  let last = place.innerHTML;

  async function look() {
    if (document.hidden || document.querySelector("dialog[open]")) return true;
    const answer = await fetch(place.dataset.live, { headers: { Accept: "application/json" } });
    if (answer.redirected || answer.status === 403 || answer.status === 404) return false; // the session has ended
    if (!answer.ok) return true;
    const found = await answer.json();
    if (found.html !== last && !place.contains(document.activeElement)) {
      place.innerHTML = found.html;
      last = found.html;
      window.portal?.times(place);
    }
    if (found.version !== place.dataset.version) {
      place.dataset.version = found.version;
      window.portal?.say("The request has moved on.");
    }
    return !found.is_over || last !== found.html;
  }

  async function go() {
    let isGoing = true;
    try {
      isGoing = await look();
    } catch {
      // the portal is restarting, or the network is away: try again
    }
    if (isGoing) setTimeout(go, EVERY_MS);
  }

  setTimeout(go, EVERY_MS);
})();
