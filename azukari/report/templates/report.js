// The switch itself is CSS; this keeps the page's declared language and the address in step with it.
for (const choice of document.querySelectorAll('input[name="language"]')) {
  choice.addEventListener("change", () => { document.documentElement.lang = choice.value; });
  if (location.hash === "#" + choice.value) { choice.checked = true; document.documentElement.lang = choice.value; }
}
