"use strict";
(() => {
  const read = id => JSON.parse(document.getElementById(id)?.textContent || "[]");
  const make = (name, text, parent) => {
    const one = document.createElement(name);
    if (text !== undefined) one.textContent = text;
    if (parent) parent.append(one);
    return one;
  };

  // Tables: a button in every heading sorts, a field above long ones filters.
  const number = text => { const m = text.replace("−", "-").match(/^[+-]?[\d.]+(e[+-]?\d+)?/i); return m ? +m[0] : NaN; };
  const compare = (a, b) => {
    const [x, y] = [number(a), number(b)];
    return isNaN(x) || isNaN(y) ? a.localeCompare(b) : x - y;
  };
  for (const table of document.querySelectorAll("table.data")) {
    const body = table.tBodies[0], rows = [...body.rows];
    if (rows.length < 2) continue;
    [...table.tHead.rows[0].cells].forEach((head, i) => {
      const button = make("button", head.textContent);
      button.type = "button";
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        rows.sort((a, b) => (up ? 1 : -1) * compare(a.cells[i]?.textContent || "", b.cells[i]?.textContent || ""));
        body.append(...rows);
      });
    });
    if (rows.length > 8) {
      const label = make("label", "Show rows with ");
      label.className = "filter";
      const field = make("input", undefined, label);
      field.type = "search";
      field.addEventListener("input", () => {
        const words = field.value.toLowerCase().split(/\s+/);
        for (const row of rows) {
          const text = row.textContent.toLowerCase();
          row.hidden = !words.every(word => text.includes(word));
        }
      });
      table.closest(".scroll").before(label);
    }
  }

  // Folded panels: a link into one opens it, and so does printing.
  const unfold = name => {
    const target = name ? document.getElementById(name) : null;
    for (let at = target?.closest("section")?.querySelector("details.panel"); at && !at.open; at = null) at.open = true;
    for (let at = target?.closest("details"); at; at = at.parentElement?.closest("details")) at.open = true;
  };
  addEventListener("hashchange", () => unfold(location.hash.slice(1)));
  document.addEventListener("click", event => unfold(event.target.closest("a[href^='#']")?.hash.slice(1)));
  unfold(location.hash.slice(1));
  addEventListener("beforeprint", () => document.querySelectorAll("details.panel").forEach(one => { one.open = true; }));

  // The index: a search field shows the cards that have its words.
  const search = document.getElementById("search");
  search?.addEventListener("input", () => {
    const words = search.value.toLowerCase().split(/\s+/);
    for (const section of document.querySelectorAll("section")) {
      let shown = 0;
      for (const card of section.querySelectorAll(".studies > li")) {
        const text = card.textContent.toLowerCase();
        card.hidden = !words.every(word => text.includes(word));
        shown += !card.hidden;
      }
      section.hidden = !shown;
    }
  });

  // Figures: a mark says what it is, and a click or Enter on a run tells the rest.
  const known = new Map();
  for (const group of read("runs")) for (const run of group.runs) known.set(run[0], [group, run]);
  const tip = document.getElementById("tip"), dialog = document.getElementById("run");
  if (!dialog) return;
  const words = name => {
    const found = known.get(name);
    if (!found) return "";
    const [group, [, x, teacher, seed, status, loss]] = found;
    return `${group.label}: ${group.axis} = ${x}, teacher ${teacher}, seed ${seed}` + (status === "done" ? `, loss ${loss}` : `, ${status}`);
  };
  const point = (dot, x, y) => {
    tip.textContent = dot ? dot.dataset.told || words(dot.dataset.run) : "";
    if (!dot) return;
    tip.style.left = Math.max(4, Math.min(x + 12, innerWidth - tip.offsetWidth - 8)) + "px";
    tip.style.top = Math.max(4, y - tip.offsetHeight - 10) + "px";
  };
  const svg = (name, attributes, parent) => {
    const one = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
    parent.append(one);
    return one;
  };
  const curve = (steps, losses, parent) => {
    const [w, h] = [360, 150], logs = v => v.map(Math.log10);
    const scale = (values, a, b) => {
      const [low, high] = [Math.min(...values), Math.max(...values)];
      return v => a + (high > low ? (v - low) / (high - low) : 0.5) * (b - a);
    };
    const [xs, ys] = [logs(steps), logs(losses)], x = scale(xs, 60, w - 15), y = scale(ys, h - 30, 12);
    const drawing = svg("svg", { viewBox: `0 0 ${w} ${h}`, role: "img", "aria-label": "Learning curve", style: `--w:${w}px` }, parent);
    const text = (at, up, words, css) => { svg("text", { x: at, y: up, class: css }, drawing).textContent = words; };
    svg("path", { class: "axis", d: `M60 6V${h - 26}H${w - 8}` }, drawing);
    svg("path", { class: "line", d: "M" + xs.map((v, i) => `${x(v).toFixed(1)} ${y(ys[i]).toFixed(1)}`).join("L") }, drawing);
    text(60, h - 12, `step ${steps[0]}`, ""); text(w - 10, h - 12, steps.at(-1), "end");
    text(56, y(ys[0]) + 4, losses[0], "end");
    if (Math.abs(y(ys[0]) - y(ys.at(-1))) > 12) text(56, y(ys.at(-1)) + 4, losses.at(-1), "end");
  };
  const open = name => {
    const found = known.get(name);
    if (!found) return;
    const [group, [, x, teacher, seed, status, loss, seconds, steps, losses]] = found;
    document.getElementById("run-name").textContent = `Run ${name}`;
    const body = document.getElementById("run-body");
    body.replaceChildren();
    const list = make("dl", undefined, body);
    const told = { setting: group.label, [group.axis]: x, teacher, seed, status, "relative loss": loss ?? "–", seconds: seconds ?? "–", ...group.settings };
    for (const [key, value] of Object.entries(told)) { make("dt", key, list); make("dd", value, list); }
    if (losses && losses.length > 1 && losses.every(v => v > 0)) { make("h3", "Learning curve", body); curve(group.steps[steps], losses, body); }
    if (group.command) {
      make("h3", `Train ${group.trains} again`, body);
      make("pre", group.command, body).tabIndex = 0;
    }
    point(null);
    dialog.showModal();
  };
  const reach = 10;  // pixels: dots are small
  for (const drawing of document.querySelectorAll(".drawn")) {
    const dots = [...drawing.querySelectorAll("[data-run], [data-told]")];
    const near = event => {
      let [found, least] = [event.target.closest("[data-told]"), reach];
      for (const dot of found ? [] : dots) {
        const box = dot.getBoundingClientRect();
        const far = Math.hypot(event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2);
        if (far < least) [found, least] = [dot, far];
      }
      return found;
    };
    let at = -1;
    const go = next => {
      dots[at]?.classList.remove("now");
      at = next;
      dots[at]?.classList.add("now");
      const box = dots[at]?.getBoundingClientRect();
      point(dots[at] || null, box?.left, box?.top);
    };
    drawing.addEventListener("keydown", event => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (step && dots.length) { go((at + step + dots.length) % dots.length); event.preventDefault(); }
      if (event.key === "Enter" && dots[at]?.dataset.run) { event.preventDefault(); open(dots[at].dataset.run); }
    });
    drawing.addEventListener("blur", () => go(-1));
    const show = event => { go(dots.indexOf(near(event))); if (at >= 0) point(dots[at], event.clientX, event.clientY); };
    drawing.addEventListener("pointermove", show);
    drawing.addEventListener("pointerleave", () => go(-1));
    drawing.addEventListener("click", event => { show(event); if (dots[at]?.dataset.run) open(dots[at].dataset.run); });
  }
})();
