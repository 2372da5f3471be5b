"use strict";
const stage = document.getElementById("stage");
const TIERS = { open: "open", research: "research licence", nda: "named partners", internal: "internal" };
let shown = null, missed = [], rejected = new Set(), busy = false;

function element(tag, text, attributes) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes || {})) made.setAttribute(name, value);
  return made;
}

async function ask(path, body) {
  const options = body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(path, options);
  const told = answer.headers.get("Content-Type") === "application/json" ? await answer.json() : {};
  if (!answer.ok) throw new Error(told.error || "The program did not take that (" + answer.status + ").");
  return told;
}

function button(label, key, action) {
  const made = element("button", label, { type: "button" });
  if (key) made.append(element("kbd", key));
  made.addEventListener("click", action);
  return made;
}

function choices(...buttons) {
  const row = element("p", undefined, { class: "choices" });
  row.append(...buttons);
  return row;
}

function showQuestion() {
  const text = element("div", undefined, { class: "text", id: "text" });
  text.append(shown.before, element("mark", shown.value), shown.after);
  stage.replaceChildren(
    element("h2", "Is this: " + shown.title + "?"),
    element("p", shown.place + " · rule " + shown.rule + " · confidence from " + shown.confidence, { class: "place" }),
    text,
    choices(button("Yes", "y", () => judge("true")), button("No", "n", () => judge("false")), button("Cannot tell", "u", () => judge("unsure"))));
}

function segments() {
  const points = Array.from(shown.text);
  const marks = [...shown.found.map((one, index) => ({ ...one, index })), ...missed.map((one) => ({ ...one, missed: true }))].sort((a, b) => a.start - b.start);
  const parts = [];
  let at = 0;
  for (const mark of marks) {
    if (mark.start < at) continue;
    if (mark.start > at) parts.push({ start: at, text: points.slice(at, mark.start).join("") });
    parts.push({ start: mark.start, text: points.slice(mark.start, mark.end).join(""), mark });
    at = mark.end;
  }
  parts.push({ start: at, text: points.slice(at).join("") });
  return parts;
}

function piece(part) {
  if (!part.mark) return element("span", part.text, { "data-start": part.start });
  const made = element("mark", undefined, { "data-start": part.start, title: part.mark.title });
  if (part.mark.missed) made.className = "missed";
  else if (rejected.has(part.mark.index)) made.className = "rejected";
  const inner = element("button", part.text, { type: "button", class: "inline", "data-start": part.start, "aria-label": part.text + ": " + part.mark.title });
  inner.addEventListener("click", () => toggle(part.mark));
  made.append(inner);
  return made;
}

function toggle(mark) {
  if (mark.missed) missed = missed.filter((one) => one.start !== mark.start);
  else if (!rejected.delete(mark.index)) rejected.add(mark.index);
  showPassage();
}

function showPassage() {
  const kind = document.getElementById("kind");
  const chosen = kind ? kind.value : "PERSON";
  const text = element("div", undefined, { class: "text", id: "text" });
  text.append(...segments().map(piece));
  const select = element("select", undefined, { id: "kind", "aria-label": "Kind of what was missed" });
  for (const one of shown.entities) select.append(element("option", one.title, { value: one.entity }));
  select.value = chosen;
  stage.replaceChildren(
    element("h2", "What was missed here?"),
    element("p", shown.place + " · click a marked value that is none; select a missed one and mark it", { class: "place" }),
    text,
    choices(select, button("Mark selection as missed", "m", markSelection), button("Nothing else: next", "Enter", finishPassage)));
}

function offset(node, at) {
  const holder = (node.nodeType === Node.TEXT_NODE ? node.parentElement : node).closest("[data-start]");
  return holder ? Number(holder.dataset.start) + Array.from(node.textContent.slice(0, at)).length : null;
}

function markSelection() {
  const selection = window.getSelection();
  if (!selection.rangeCount || selection.isCollapsed) return;
  const range = selection.getRangeAt(0);
  if (!document.getElementById("text").contains(range.commonAncestorContainer)) return;
  const start = offset(range.startContainer, range.startOffset), end = offset(range.endContainer, range.endOffset);
  if (start === null || end === null || end <= start) return;
  const kind = document.getElementById("kind");
  missed.push({ start, end, entity: kind.value, title: kind.selectedOptions[0].textContent });
  selection.removeAllRanges();
  showPassage();
}

async function judge(answer) {
  await said("/judge", { number: shown.number, answer });
}

async function finishPassage() {
  await said("/read", { number: shown.number, rejected: [...rejected], missed: missed.map(({ start, end, entity }) => ({ start, end, entity })) });
}

async function said(path, body) {
  if (busy) return;
  busy = true;
  try { await ask(path, body); await next(); } catch (error) { fail(error); } finally { busy = false; }
}

async function next() {
  stage.setAttribute("aria-busy", "true");
  shown = await ask("/next");
  missed = []; rejected = new Set();
  if (shown.kind === "question") showQuestion();
  else if (shown.kind === "passage") showPassage();
  else stage.replaceChildren(element("h2", "All is judged."), element("p", "Finish below, and the evidence is decided anew with this review."));
  stage.setAttribute("aria-busy", "false");
  standing();
}

async function standing() {
  const now = await ask("/status");
  const range = (one) => one.p50.toFixed(1) + " (" + one.p05.toFixed(1) + " to " + one.p95.toFixed(1) + ")";
  document.getElementById("judged").textContent = now.judged + " of " + now.questions;
  document.getElementById("read").textContent = now.read + " of " + now.passages;
  document.getElementById("score").textContent = range(now.score) + ", before " + range(now.before);
  document.getElementById("tier").textContent = TIERS[now.tier] + (now.tier === now.tier_before ? "" : ", before " + TIERS[now.tier_before]);
  document.getElementById("rates").replaceChildren(...now.entities.map((one) => {
    const row = element("tr");
    row.append(element("th", one.title, { scope: "row" }), ...[one.true, one.false, one.hits, one.misses].map((count) => element("td", count)));
    return row;
  }));
  document.getElementById("agreement").textContent = now.reviewers.map((one) =>
    "With " + one.name + ": " + one.agreed + " of " + one.common + " alike" + (one.kappa === null ? "" : ", kappa " + one.kappa)).join(". ");
}

function fail(error) {
  stage.replaceChildren(element("h2", "That did not work"), element("p", error.message, { role: "alert" }));
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "SELECT") return;
  const answers = { y: "true", n: "false", u: "unsure" };
  if (shown && shown.kind === "question" && answers[event.key]) judge(answers[event.key]);
  if (shown && shown.kind === "passage" && event.key === "m") markSelection();
  if (shown && shown.kind === "passage" && event.key === "Enter" && event.target.tagName !== "BUTTON") { event.preventDefault(); finishPassage(); }
});
document.getElementById("finish").addEventListener("click", async () => {
  try {
    const told = await ask("/finish", {});
    stage.replaceChildren(element("h2", "Decided anew"), element("p", told.told, { id: "told" }));
    document.getElementById("finish").disabled = true;
    shown = null;
  } catch (error) { fail(error); }
});
next().catch(fail);
