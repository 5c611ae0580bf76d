// The skeleton of the figure and its controls. Each part shows what it is given.

const VIEW_CHOICES = [["flow", "Colour"], ["percent", "Percent"], ["matrix", "Matrix"]];
const UNIT_CHOICES = [["token", "Token"], ["word", "Word"], ["sentence", "Sentence"]];
const RANGE_CHOICES = [["token", "This token"], ["output", "Whole output"]];

// A labelled list to choose from. Returns {node, fill(choices), set(value), note}. choices: [[value, text, group]…].
function makeSelect(name, label, onChange) {
  const node = element("div", "ss-pick");
  const caption = node.appendChild(element("label", "ss-pick-label", label));
  const select = node.appendChild(element("select", "ss-select"));
  caption.htmlFor = select.id = name;
  const note = node.appendChild(element("span", "ss-pick-note"));
  select.addEventListener("change", () => onChange(select.value));
  const fill = (choices) => {
    select.textContent = "";
    let group = null;
    choices.forEach(([value, text, of]) => {
      if (of && (!group || group.label !== of)) {
        group = select.appendChild(element("optgroup"));
        group.label = of;
      }
      const option = (of ? group : select).appendChild(element("option", "", text));
      option.value = value;
    });
    node.hidden = choices.length < 2;
  };
  return { node, fill, note, set: (value) => (select.value = value) };
}

// Label and text pairs of which some have a sentence, shown on hover, focus and tap. badges: [{label, text, about}].
function fillBadges(list, badges, hint) {
  list.textContent = "";
  badges.forEach((badge, i) => {
    const pair = list.appendChild(element("div", "ss-pair"));
    pair.appendChild(element("dt", "", String(badge.label)));
    const place = pair.appendChild(element("dd"));
    if (!badge.about) {
      place.textContent = String(badge.text);
      return;
    }
    const button = place.appendChild(element("button", "ss-badge", String(badge.text)));
    button.type = "button";
    const about = place.appendChild(element("span", "", String(badge.about)));
    about.hidden = true; // read out with the button, shown by the hint
    about.id = "ss-about-" + ++instances;
    button.setAttribute("aria-describedby", about.id);
    const show = () => hint.show(pair.getBoundingClientRect(), String(badge.about), []);
    button.addEventListener("pointerenter", (event) => event.pointerType !== "touch" && show());
    button.addEventListener("pointerleave", () => hint.hide());
    button.addEventListener("focus", show);
    button.addEventListener("blur", () => hint.hide());
    button.addEventListener("click", show);
    button.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      hint.hide();
    });
  });
  list.hidden = badges.length === 0;
}

// The whole skeleton under root. on: {unit, view, range, curve, part} are called with the value chosen.
function buildParts(root, on) {
  instances += 1;
  const name = (kind) => "ss-" + kind + "-" + instances;
  root.textContent = "";
  const parts = { tip: new Tip(root), hint: new Tip(root), legend: new Legend() };
  parts.hint.node.className = "ss-hint-tip";
  parts.hint.title.className = "";
  parts.empty = root.appendChild(element("p", "ss-empty"));
  parts.frame = root.appendChild(element("div", "ss-frame"));
  const toolbar = parts.frame.appendChild(element("div", "ss-toolbar"));
  parts.view = makeSwitch(name("view"), "View", VIEW_CHOICES, on.view);
  parts.unit = makeSwitch(name("unit"), "Unit", UNIT_CHOICES, on.unit);
  toolbar.append(parts.view.node, parts.unit.node);
  parts.stale = parts.frame.appendChild(element("p", "ss-stale", "Not run yet: press Run"));
  parts.stage = parts.frame.appendChild(element("div", "ss-stage"));
  parts.hintLine = parts.stage.appendChild(element("p", "ss-hint"));
  const picks = parts.frame.appendChild(element("div", "ss-picks"));
  parts.curve = makeSelect(name("curve"), "Curve", on.curve);
  parts.part = makeSelect(name("part"), "Show", on.part);
  picks.append(parts.part.node, parts.curve.node);
  parts.scale = parts.frame.appendChild(element("div", "ss-scale-row"));
  parts.range = makeSwitch(name("range"), "Colour range", RANGE_CHOICES, on.range);
  parts.scale.append(parts.legend.node, parts.range.node);
  const reading = parts.frame.appendChild(element("div", "ss-reading"));
  parts.caption = reading.appendChild(element("p", "ss-caption"));
  parts.details = reading.appendChild(element("dl", "ss-pairs ss-details"));
  parts.others = reading.appendChild(element("div", "ss-others"));
  parts.agreement = parts.frame.appendChild(element("div", "ss-agreement"));
  parts.badges = parts.frame.appendChild(element("dl", "ss-pairs ss-badges"));
  parts.notes = parts.frame.appendChild(element("ul", "ss-notes"));
  parts.status = root.appendChild(element("p", "ss-status"));
  parts.status.setAttribute("role", "status");
  root.append(parts.tip.node, parts.hint.node);
  return parts;
}

// How alike several maps rank the inputs: a table of every two. here, whole: (i, j) → a number, NaN where unknown.
function fillAgreement(host, names, { subject, here, whole }) {
  host.textContent = "";
  host.hidden = names.length < 2;
  if (host.hidden) return;
  const number = (value) => (value === value ? formatCorrelation(value) : "–");
  const line = host.appendChild(element("p", "ss-agreement-title"));
  fillCaption(line, subject
    ? ["How alike the methods rank the text for ", subject, ", and on average over the output in brackets."]
    : ["How alike the methods rank the text, on average over the output."]);
  const frame = host.appendChild(element("div", "ss-agreement-frame"));
  frame.tabIndex = 0;
  frame.setAttribute("role", "group");
  frame.setAttribute("aria-label", "Rank agreement of every two methods");
  const table = frame.appendChild(element("table", "ss-agreement-table"));
  const head = table.appendChild(element("tr"));
  head.appendChild(element("td"));
  names.slice(0, -1).forEach((name) => (head.appendChild(element("th", "", name)).scope = "col"));
  names.slice(1).forEach((name, k) => {
    const row = table.appendChild(element("tr"));
    row.appendChild(element("th", "", name)).scope = "row";
    names.slice(0, -1).forEach((_, j) => {
      const i = k + 1;
      const text = j >= i ? "" : subject ? number(here(i, j)) + " (" + number(whole(i, j)) + ")" : number(whole(i, j));
      row.appendChild(element("td", "", text));
    });
  });
  host.appendChild(element("p", "ss-agreement-note", "Rank correlation: 1 is the same order, 0 unrelated, −1 the opposite."));
}
