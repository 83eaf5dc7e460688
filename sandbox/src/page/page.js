// Renews the tables every two seconds; what is being typed stays, since the form is outside [data-live].
const live = () => document.querySelector("[data-live]");
async function renew() {
  try {
    const answer = await fetch(location.pathname === "/sandbox/tickets" ? "/" : location.pathname);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-live]");
    const busy = live().contains(document.activeElement) || !getSelection().isCollapsed;
    if (answer.ok && fresh && !busy && fresh.innerHTML !== live().innerHTML) live().replaceChildren(...fresh.childNodes);
  } catch {
    // The stand-in is restarting; the next round will find it.
  }
}
if (live()) setInterval(() => document.hidden || renew(), 2000);

// The contacts of the chosen client only.
const client = document.querySelector("select[name=client]");
const contact = document.querySelector("select[name=contact]");
function narrow() {
  let first = "";
  for (const group of contact.querySelectorAll("optgroup")) {
    group.hidden = group.disabled = group.dataset.client !== client.value;
    if (!group.hidden) first = group.querySelector("option")?.value ?? "";
  }
  if (contact.selectedOptions[0]?.parentElement.disabled) contact.value = first;
}
if (client && contact) {
  client.addEventListener("change", narrow);
  narrow();
}
