// Makes the islands of this page live: loads the module, then wakes each island where it stands.
const { js, wasm } = document.getElementById("start").dataset;
const islands = [...document.querySelectorAll("leptos-island")];
if (islands.length > 0) {
  const module = await import(js);
  await module.default({ module_or_path: wasm });
  module.hydrate();
  for (const island of islands) {
    await module[island.dataset.component]?.(island);
  }
}
// Tests wait for this before they click.
document.documentElement.dataset.ready = "";
