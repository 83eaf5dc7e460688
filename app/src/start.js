// Makes the islands of this page live: loads the module, then wakes each island where it stands. Those that wait to be
// asked for (data-late) wake with the first key that is theirs, which they then get to hear.
const { js, wasm } = document.getElementById("start").dataset;
const islands = [...document.querySelectorAll("leptos-island")];
const late = islands.filter((island) => island.closest("[data-late]"));
let module;
const wake = async (some) => {
  if (!module) {
    module = await import(js);
    await module.default({ module_or_path: wasm });
    module.hydrate();
  }
  for (const island of some) await module[island.dataset.component]?.(island);
};
const first = islands.filter((island) => !late.includes(island));
if (first.length > 0) await wake(first);
if (late.length > 0) {
  const asked = new AbortController();
  const keys = [];
  // What is pressed while they wake up is heard afterwards.
  const hear = async (key, ctrlKey) => {
    keys.push({ key, ctrlKey, cancelable: true });
    if (keys.length > 1) return;
    await wake(late);
    asked.abort();
    for (const pressed of keys) document.dispatchEvent(new KeyboardEvent("keydown", pressed));
  };
  document.addEventListener("keydown", (event) => {
    const withCtrl = event.ctrlKey || event.metaKey;
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    const single = !event.altKey && !typing && (keys.length > 0 || "/?gjk".includes(event.key));
    const theirs = withCtrl ? event.key === "k" : single && event.key.length === 1;
    if (!theirs) return;
    event.preventDefault();
    hear(event.key, withCtrl);
  }, { signal: asked.signal });
  const open = () => document.dispatchEvent(new KeyboardEvent("keydown", { key: "k", ctrlKey: true, cancelable: true }));
  for (const button of document.querySelectorAll(".palette-open")) button.addEventListener("click", open);
}
// Tests wait for this before they click.
document.documentElement.dataset.ready = "";
