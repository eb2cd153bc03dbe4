// A plan's page: says when somebody else decided, or when the platform went on, while it was being read.
(() => {
  const watch = document.querySelector("[data-watch]");
  if (!watch) return;
  const EVERY_MS = 4000;

  async function look() {
    if (document.hidden) return true;
    const answer = await fetch(watch.dataset.watch, { headers: { Accept: "application/json" } });
    if (answer.redirected || answer.status === 403 || answer.status === 404) return false; // the session has ended
    if (!answer.ok) return true;
    const found = await answer.json();
    if (found.version === watch.dataset.version) return true;
    if (watch.dataset.state === "planning") {
      location.reload(); // there is nothing on the page yet that could be lost
    } else {
      watch.querySelector("[data-now]").textContent = found.state.replaceAll("_", " ");
      watch.hidden = false;
      window.portal?.say(watch.textContent);
    }
    return false;
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
