"use strict";
(() => {
  const { nodes, edges, highlighted } = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const boxes = nodes.map((_, index) => byId("n" + index));
  const lines = edges.map((_, index) => byId("e" + index));
  const rows = edges.map((_, index) => byId("r" + index));
  const kinds = [...document.querySelectorAll("input[name=kind]")];
  const status = byId("status");
  const details = byId("details");
  const texts = nodes.map((node) => [node.name, node.namespace, ...node.details].join("\n").toLowerCase());
  const behind = nodes.map(() => []);
  const before = nodes.map(() => []);
  edges.forEach((edge, index) => {
    behind[edge.source].push(index);
    before[edge.target].push(index);
  });
  let chosen = -1; // the box whose chain is highlighted
  let current = 0; // the box that Tab reaches
  let visible = new Set(nodes.keys());
  let matches = [];
  let initial = highlighted; // the chain of --highlight

  /** Return the boxes from which some are reached, and those that they reach. */
  function chainOf(starts) {
    const found = new Set(starts);
    for (const [neighbours, end] of [[behind, "target"], [before, "source"]]) {
      const seen = new Set(starts);
      const remaining = [...starts];
      while (remaining.length) {
        for (const index of neighbours[remaining.pop()]) {
          const next = edges[index][end];
          if (!seen.has(next)) { seen.add(next); remaining.push(next); found.add(next); }
        }
      }
    }
    return found;
  }

  /** Show what the filters leave, and highlight a chain. */
  function update() {
    const namespace = byId("namespace").value;
    const allowed = new Set(kinds.filter((box) => box.checked).map((box) => box.value));
    let shown = new Set(nodes.keys());
    const keep = (starts) => { const chain = chainOf(starts); shown = new Set([...shown].filter((each) => chain.has(each))); };
    if (namespace) keep([...nodes.keys()].filter((index) => nodes[index].namespace === namespace));
    if (byId("only-broken").checked) {
      keep(edges.filter((edge) => edge.state === "broken").flatMap((edge) => [edge.source, edge.target]));
    }
    visible = new Set([...shown].filter((index) => allowed.has(nodes[index].kind)));
    const chain = chosen >= 0 ? chainOf([chosen]) : initial.length ? new Set(initial) : null;
    boxes.forEach((box, index) => {
      box.classList.toggle("hidden", !visible.has(index));
      box.classList.toggle("dim", chain !== null && !chain.has(index));
      box.classList.toggle("chosen", index === chosen);
      box.setAttribute("aria-pressed", String(index === chosen));
    });
    edges.forEach(({ source, target }, index) => {
      const isShown = visible.has(source) && visible.has(target);
      const isInChain = chain === null || (chain.has(source) && chain.has(target));
      lines[index].classList.toggle("hidden", !isShown);
      lines[index].classList.toggle("dim", !isInChain);
      rows[index].hidden = !isShown || !isInChain;
    });
    if (!visible.has(current)) focusable(visible.size ? Math.min(...visible) : 0);
    closeGaps();
  }

  /** Move up the parts of the picture below those that are hidden. */
  function closeGaps() {
    let shift = 0;
    for (const band of document.querySelectorAll(".band")) {
      band.setAttribute("transform", `translate(0 ${-shift})`);
      if (!band.querySelector(".node:not(.hidden)")) shift += Number(band.dataset.height);
    }
    const svg = byId("picture");
    svg.dataset.full ||= svg.getAttribute("height");
    const top = svg.viewBox.baseVal.y;
    const height = Math.max(Number(svg.dataset.full) - shift, 180);
    svg.setAttribute("height", height);
    svg.setAttribute("viewBox", `0 ${top} ${svg.getAttribute("width")} ${height}`);
    for (const lane of document.querySelectorAll(".lane")) lane.setAttribute("height", height + top - 74);
  }

  function search() {
    const text = byId("search").value.trim().toLowerCase();
    matches = text ? [...visible].sort((a, b) => a - b).filter((index) => texts[index].includes(text)) : [];
    boxes.forEach((box, index) => box.classList.toggle("match", matches.includes(index)));
    const found = matches.length === 1 ? "1 box matches" : `${matches.length} boxes match`;
    status.textContent = text ? `${found}${matches.length ? ": Enter goes to the first" : ""}` : "";
    if (matches.length) boxes[matches[0]].scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  function focusable(index) {
    boxes[current]?.setAttribute("tabindex", "-1");
    current = index;
    boxes[current]?.setAttribute("tabindex", "0");
  }

  function focus(index) {
    focusable(index);
    boxes[index].focus();
    boxes[index].scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  function choose(index) {
    chosen = index === chosen ? -1 : index;
    update();
    if (chosen < 0) { status.textContent = "no chain is highlighted"; return; }
    const chain = chainOf([chosen]);
    const own = edges.filter((edge) => chain.has(edge.source) && chain.has(edge.target));
    const count = (state) => own.filter((edge) => edge.state === state).length;
    status.textContent = `chain of ${nodes[index].name}: ${chain.size} boxes, ${count("broken")} broken, ${count("not evaluated")} not evaluated`;
    show(index);
  }

  function line(text, name) {
    const element = document.createElement(name === "h2" ? "h2" : "p");
    if (name === "fix") element.className = "fix";
    element.textContent = text;
    details.append(element);
  }

  function showLinks(list) {
    for (const index of list) {
      const { source, target, links, fixes } = edges[index];
      line(`${nodes[source].name} → ${nodes[target].name}`);
      links.forEach((text) => line(text));
      fixes.forEach((fix) => line(fix, "fix"));
    }
  }

  function show(index) {
    details.replaceChildren();
    line(nodes[index].name, "h2");
    nodes[index].details.forEach((text) => line(text));
    showLinks([...before[index], ...behind[index]].slice(0, 12));
  }

  function showEdge(index) {
    details.replaceChildren();
    showLinks([index]);
  }

  function leave() {
    if (chosen >= 0) show(chosen); else clear();
  }

  function clear() {
    details.replaceChildren();
    line("Point at a box or a line to see its details.");
  }

  /** Return the box to which an arrow key moves: in the column, or at the other end of a link. */
  function next(index, key) {
    const { x, y } = boxes[index].getBoundingClientRect();
    const near = (list) => list.map((each) => [Math.abs(boxes[each].getBoundingClientRect().y - y), each]).sort((a, b) => a[0] - b[0])[0]?.[1];
    if (key === "ArrowRight") return near(behind[index].map((edge) => edges[edge].target).filter((each) => visible.has(each)));
    if (key === "ArrowLeft") return near(before[index].map((edge) => edges[edge].source).filter((each) => visible.has(each)));
    const column = [...visible].filter((each) => nodes[each].column === nodes[index].column);
    const isBelow = key === "ArrowDown";
    return near(column.filter((each) => { const other = boxes[each].getBoundingClientRect(); return isBelow ? other.y > y : other.y < y; }));
  }

  function onKey(event, index) {
    if (event.key === "Enter" || event.key === " ") choose(index);
    else if (event.key.startsWith("Arrow")) {
      const to = next(index, event.key);
      if (to !== undefined) focus(to);
    } else return;
    event.preventDefault();
  }

  boxes.forEach((box, index) => {
    box.querySelector("title")?.remove(); // the panel shows the same
    box.addEventListener("click", () => { focusable(index); choose(index); });
    box.addEventListener("keydown", (event) => onKey(event, index));
    box.addEventListener("focus", () => { focusable(index); show(index); });
    box.addEventListener("mouseenter", () => show(index));
    box.addEventListener("mouseleave", leave);
    box.addEventListener("blur", leave);
  });
  lines.forEach((path, index) => {
    path.querySelector("title")?.remove();
    path.addEventListener("mouseenter", () => showEdge(index));
    path.addEventListener("mouseleave", leave);
  });
  for (const control of [byId("namespace"), byId("only-broken"), ...kinds]) {
    control.addEventListener("change", () => {
      update();
      search();
      if (!byId("search").value) status.textContent = `${visible.size} of ${nodes.length} boxes are shown`;
    });
  }
  byId("search").addEventListener("input", search);
  byId("tools").addEventListener("submit", (event) => {
    event.preventDefault();
    if (matches.length) focus(matches[0]);
  });
  byId("theme").addEventListener("change", (event) => { document.documentElement.dataset.theme = event.target.value; });
  byId("size").addEventListener("change", (event) => byId("view").classList.toggle("fit", event.target.value === "fit"));
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !event.target.closest("input, select")) { event.preventDefault(); byId("search").focus(); }
    if (event.key !== "Escape") return;
    byId("search").value = "";
    search();
    initial = [];
    if (chosen >= 0) choose(chosen);
    else update();
    clear();
  });
  update();
  clear();
})();
