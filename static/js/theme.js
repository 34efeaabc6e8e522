// Runs before the first paint, so that nobody sees the wrong theme flash by. Not a module: those run too late.
(function () {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const chosen = localStorage.getItem("theme");
    root.dataset.bsTheme = chosen ?? (dark.matches ? "dark" : "light");
    root.dataset.chosenTheme = chosen ?? "automatic";
  };
  root.classList.add("scripted");
  root.classList.toggle("copying", "clipboard" in navigator); // browsers offer it to secure pages only
  apply();
  dark.addEventListener("change", apply);
  addEventListener("themechange", apply);
})();
