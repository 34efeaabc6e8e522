// What every page needs: the menu on a phone, the theme, copying, times in the reader's own zone, short URLs.

const THEMES = ["automatic", "light", "dark"];

/** Shows or hides what the button is for; without scripts it is always shown. */
function toggle(button) {
  const open = document.getElementById(button.dataset.toggles).classList.toggle("open");
  button.setAttribute("aria-expanded", String(open));
}

function theme() {
  const button = document.querySelector("[data-theme-toggle]");
  const name = button.querySelector("[data-theme-name]");
  const show = () => (name.textContent = document.documentElement.dataset.chosenTheme);
  button.hidden = false;
  show();
  button.addEventListener("click", () => {
    const next = THEMES[(THEMES.indexOf(name.textContent) + 1) % THEMES.length];
    if (next === "automatic") localStorage.removeItem("theme");
    else localStorage.setItem("theme", next);
    dispatchEvent(new Event("themechange"));
    show();
  });
}

async function copy(button) {
  await navigator.clipboard.writeText(button.dataset.copy);
  const label = button.getAttribute("aria-label");
  button.dataset.done = "";
  button.setAttribute("aria-label", "Copied");
  setTimeout(() => {
    delete button.dataset.done;
    button.setAttribute("aria-label", label);
  }, 1500);
}

/** UTC stays in the title; what is shown is the reader's own time. */
function localTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]:not([title])")) {
    time.title = time.textContent;
    time.textContent = new Date(time.dateTime).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  }
}

/** An empty field says nothing, so it does not belong into the address. */
function dropEmpty(event) {
  for (const [name, value] of [...event.detail.formData.entries()]) if (value === "") event.detail.formData.delete(name);
}

theme();
localTimes(document);
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy], [data-toggles]");
  if (button?.dataset.copy) copy(button);
  if (button?.dataset.toggles) toggle(button);
});
document.addEventListener("htmx:afterSwap", (event) => localTimes(event.detail.elt));
document.addEventListener("htmx:configRequest", (event) => event.detail.verb === "get" && dropEmpty(event));
document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !confirm(question)) event.preventDefault();
});
