// Loaded in the head, before anything is painted: the theme that was chosen last, dark at first.
(() => {
  const KEY = "sqlhosting-theme";
  const root = document.documentElement;

  function remembered() {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // storage can be forbidden
    }
  }

  root.dataset.bsTheme = remembered() === "light" ? "light" : "dark";

  window.toggleTheme = () => {
    const theme = root.dataset.bsTheme === "dark" ? "light" : "dark";
    root.dataset.bsTheme = theme;
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // then it holds for this page only
    }
    return theme;
  };

  // Paper is white: print in the light theme, then go back.
  let before = null;
  addEventListener("beforeprint", () => {
    before = root.dataset.bsTheme;
    root.dataset.bsTheme = "light";
  });
  addEventListener("afterprint", () => {
    if (before) root.dataset.bsTheme = before;
  });
})();
