{
  // The list of findings: choose many, keys, and what is new.
  const list = document.getElementById("list");
  const boxes = () => [...(list?.querySelectorAll("input[name=id]") ?? [])];

  const head = list?.querySelector("th.tick");
  const chosen = document.getElementById("chosen");
  if (head && chosen) {
    const all = document.createElement("input");
    all.type = "checkbox";
    all.setAttribute("aria-label", "Choose all findings of this page");
    head.replaceChildren(all);
    const count = () => {
      const n = boxes().filter((b) => b.checked).length;
      chosen.textContent = n ? n + " chosen" : "";
      all.checked = n > 0 && n === boxes().length;
      all.indeterminate = n > 0 && !all.checked;
      for (const b of list.querySelectorAll(".bulk button")) b.disabled = n === 0;
    };
    all.addEventListener("change", () => { for (const b of boxes()) b.checked = all.checked; count(); });
    list.addEventListener("change", count);
    window.addEventListener("pageshow", count);
    count();
  }

  const help = document.getElementById("keys");
  const open = document.getElementById("keys-open");
  if (help && open) {
    open.hidden = false;
    open.addEventListener("click", () => help.showModal());
    document.getElementById("keys-close").addEventListener("click", () => help.close());
  }

  const rows = () => [...(list?.querySelectorAll("tbody tr") ?? [])];
  const at = () => rows().findIndex((r) => r.classList.contains("at"));
  const move = (to) => {
    const all = rows();
    if (!all.length) return;
    for (const r of all) r.classList.remove("at");
    const row = all[Math.min(Math.max(to, 0), all.length - 1)];
    row.classList.add("at");
    row.querySelector("a").focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  };
  const tick = (row, on) => {
    const box = row?.querySelector("input[name=id]");
    if (!box) return;
    box.checked = on ?? !box.checked;
    box.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const actions = {
    j: () => move(at() + 1),
    k: () => move(at() - 1),
    o: () => rows()[at()]?.querySelector("a").click(),
    x: () => tick(rows()[at()]),
    a: () => {
      const button = list?.querySelector("button[value=archive]");
      if (!boxes().some((b) => b.checked)) tick(rows()[at()], true);
      if (button && !button.disabled) button.click();
    },
    e: () => {
      const d = document.getElementById("export");
      if (!d) return;
      d.open = true;
      d.querySelector("a").focus();
    },
    "/": () => (document.getElementById("q") ?? document.getElementById("jump"))?.focus(),
    "?": () => help?.showModal(),
  };
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented || document.querySelector("dialog[open]")) return;
    if (e.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]")) return;
    const act = actions[e.key];
    if (!act) return;
    e.preventDefault();
    act();
  });
  list?.addEventListener("focusin", (e) => {
    const row = e.target.closest("tbody tr");
    if (!row) return;
    for (const r of rows()) r.classList.toggle("at", r === row);
  });

  // What is new is told and never moves the list.
  const live = document.getElementById("live");
  let told = 0;
  const look = async () => {
    if (document.visibilityState !== "visible") return;
    try {
      const answer = await fetch(live.dataset.url, { headers: { Accept: "application/json" }, redirect: "error" });
      if (!answer.ok) return;
      const { count, more } = await answer.json();
      if (!count || count === told) return;
      told = count;
      const link = document.createElement("a");
      link.className = "button";
      link.href = live.dataset.show;
      link.textContent = "Show " + count + (more ? " or more" : "") + (count === 1 ? " new finding" : " new findings");
      live.replaceChildren(link);
    } catch { /* the next time may do */ }
  };
  if (live) {
    setInterval(look, 5000);
    document.addEventListener("visibilitychange", look);
  }
}
{
  // Commands to copy, where the browser lets pages do that.
  if (navigator.clipboard) {
    for (const pre of document.querySelectorAll("pre[data-copy]")) {
      const text = pre.textContent;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "quiet";
      button.textContent = "Copy";
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(text);
        button.textContent = "Copied";
      });
      pre.after(button);
    }
  }
}
