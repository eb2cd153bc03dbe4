// The page of databases that are being measured: loads itself again when that has ended, unless somebody is
// typing into one of its forms.
(() => {
  const place = document.querySelector("[data-measuring]");
  if (!place) return;
  let isTouched = false;
  document.addEventListener("input", () => { isTouched = true; });

  async function look() {
    try {
      const answer = await fetch(place.dataset.measuring, { headers: { Accept: "application/json" } });
      if (answer.redirected || answer.status === 403 || answer.status === 404) return;
      if (answer.ok && !(await answer.json()).is_running) {
        if (isTouched) window.portal?.say("The databases are measured.");
        else window.location.reload();
        return;
      }
    } catch {
      // the portal is restarting, or the network is away: try again
    }
    setTimeout(look, 2000);
  }

  setTimeout(look, 1000);
})();
