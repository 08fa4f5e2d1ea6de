// Every visible piece of text of the page, and what is wrong with it: outside the window, cut off, or over another.
() => {
  const SLACK = 1.5;
  const pieces = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const element = node.parentElement;
    if (!node.data.trim() || !element || element.closest("script, style, footer")) continue;
    const style = getComputedStyle(element);
    if (style.visibility === "hidden" || element.checkVisibility?.({ opacityProperty: true }) === false) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const rect of range.getClientRects()) {
      if (rect.width < 1 || rect.height < 1) continue;
      pieces.push({ element, text: node.data.trim(), l: rect.left, r: rect.right, t: rect.top, b: rect.bottom });
    }
  }
  const problems = [];
  const say = (what, one, more = "") => problems.push(`${what}: "${one.text}" ${more}`);
  for (const one of pieces) {
    if (one.l < -SLACK || one.t < -SLACK || one.r > innerWidth + SLACK || one.b > innerHeight + SLACK) say("outside", one);
    for (let box = one.element; box && box !== document.body; box = box.parentElement) {
      const style = getComputedStyle(box);
      if (style.overflow === "visible" || box.closest("svg")) continue;
      const rect = box.getBoundingClientRect();
      const told = box.title.startsWith(box.textContent.trim());
      const designed = style.textOverflow === "ellipsis" && told;
      // the line box is higher than the letters: a quarter of it may reach over
      const over = (one.b - one.t) / 4;
      one.spared = style.whiteSpace === "normal" && told && one.t >= rect.bottom - over; // wrapped out of sight where room is scarce
      const cut = !one.spared && (one.t < rect.top - over || one.b > rect.bottom + over || (!designed && (one.l < rect.left - SLACK || one.r > rect.right + SLACK)));
      if (cut) say("cut off", one, `by ${box.className || box.id || box.tagName}`);
      if (designed || one.spared) break;
    }
  }
  const shown = pieces.filter(({ element, spared }) => !spared && (!element.closest("[title]") || getComputedStyle(element).textOverflow !== "ellipsis"));
  for (let i = 0; i < shown.length; i += 1) {
    for (let j = i + 1; j < shown.length; j += 1) {
      const [a, b] = [shown[i], shown[j]];
      if (a.element === b.element || (a.element.closest(".marks") && b.element.closest(".marks"))) continue;
      const width = Math.min(a.r, b.r) - Math.max(a.l, b.l);
      const height = Math.min(a.b, b.b) - Math.max(a.t, b.t);
      if (width > SLACK && height > 0.3 * Math.min(a.b - a.t, b.b - b.t)) say("over", a, `and "${b.text}"`);
    }
  }
  return { count: pieces.length, problems };
};
