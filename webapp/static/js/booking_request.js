// A request's page: asks every now and then and shows what is new. The server says when to ask again: often
// while the request is on its way, seldom when it failed, since it may go on; never when it is over.
(() => {
  const place = document.querySelector("[data-live]");
  if (!place) return;
  let lookAgainS = Number(place.dataset.lookAgain);
  let last = place.innerHTML;

  async function look() {
    if (document.hidden || document.querySelector("dialog[open]")) return;
    const answer = await fetch(place.dataset.live, { headers: { Accept: "application/json" } });
    if (answer.redirected || answer.status === 403 || answer.status === 404) {
      lookAgainS = 0; // the session has ended
      return;
    }
    if (!answer.ok) return;
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
    // What could not be shown, because somebody is in it, is tried again.
    lookAgainS = found.look_again_s || (last === found.html ? 0 : lookAgainS);
  }

  async function go() {
    try {
      await look();
    } catch {
      // the portal is restarting, or the network is away: try again
    }
    if (lookAgainS) setTimeout(go, lookAgainS * 1000);
  }

  if (lookAgainS) setTimeout(go, lookAgainS * 1000);
})();
