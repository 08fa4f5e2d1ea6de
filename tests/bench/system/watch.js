// Notes when the `data-at` of a segment has changed on the screen: after the frame that shows it was painted.
(segments) => {
  const wanted = new Set(segments);
  window.seen = [];
  const painted = new MessageChannel();
  let waiting = [];
  painted.port1.onmessage = () => {
    const now = performance.timeOrigin + performance.now();
    for (const [segment, at] of waiting) window.seen.push([segment, at, now]);
    waiting = [];
  };
  new MutationObserver((records) => {
    const idle = waiting.length === 0;
    for (const { target } of records) {
      const segment = target.getAttribute("data-segment");
      if (wanted.has(segment)) waiting.push([segment, Number(target.getAttribute("data-at"))]);
    }
    if (idle && waiting.length) requestAnimationFrame(() => painted.port2.postMessage(null));
  }).observe(document, { subtree: true, attributes: true, attributeFilter: ["data-at"] });
  performance.clearMeasures();
}
