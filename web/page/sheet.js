// On a phone the panel is a sheet over the map's lower part: low, half or full, by its grip or by a finger.

import { find } from "/web/dom.js";

const STEPS = ["low", "half", "full"];

/** `onHeight` is told how many pixels of the map the sheet covers: none beside it on a wide screen. */
export function makeSheet(onHeight) {
  const panel = find("panel");
  const grip = find("grip");
  const narrow = matchMedia("(max-width: 799px)");
  let step = "low";
  let start = null;
  let moved = false;

  const set = (next) => {
    step = next;
    if (step === "low") panel.scrollTop = 0;
    panel.dataset.step = step;
    panel.removeAttribute("style");
    grip.setAttribute("aria-expanded", step !== "low");
    tell();
  };
  const heightOf = (name) => ({ low: lowHeight(panel), half: innerHeight * 0.52, full: innerHeight * 0.92 })[name];
  const tell = () => {
    panel.style.setProperty("--low", `${lowHeight(panel)}px`);
    const covered = narrow.matches ? Math.min(heightOf(step), innerHeight * 0.6) : 0;
    document.body.style.setProperty("--covered", `${covered}px`);
    onHeight(covered);
  };

  grip.addEventListener("pointerdown", (event) => {
    grip.setPointerCapture(event.pointerId);
    start = { y: event.clientY, height: panel.clientHeight };
    moved = false;
  });
  grip.addEventListener("pointermove", (event) => {
    if (!start) return;
    moved ||= Math.abs(event.clientY - start.y) > 6;
    if (!moved) return;
    panel.style.transition = "none"; // it follows the finger
    panel.style.height = `${start.height + start.y - event.clientY}px`;
  });
  const release = () => {
    const height = panel.clientHeight;
    if (start && moved) set(STEPS.reduce((a, b) => (Math.abs(heightOf(a) - height) <= Math.abs(heightOf(b) - height) ? a : b)));
    start = null;
  };
  grip.addEventListener("pointerup", release);
  grip.addEventListener("pointercancel", release);
  grip.addEventListener("click", () => {
    if (!moved) set(STEPS[(STEPS.indexOf(step) + 1) % STEPS.length]); // a pull ends with a click too
    moved = false;
  });
  narrow.addEventListener("change", tell);
  addEventListener("resize", tell);
  new ResizeObserver(tell).observe(find("filters"));
  set("low");

  return {
    /** Make room for a list or a card. */
    open: () => step === "low" && set("half"),
    /** Give the map its room back. */
    close: () => set("low"),
    /** Scroll what was just answered to the sheet's top. */
    reveal: (element) => narrow.matches && element.scrollIntoView({ block: "start" }),
  };
}

/** Down to the end of the first chips, which is what is needed to begin, or to the name on an open card. */
function lowHeight(panel) {
  const last = [".quick", "#search", "#card-name"].map((what) => panel.querySelector(what)).find((element) => element?.offsetParent);
  return last.getBoundingClientRect().bottom - panel.getBoundingClientRect().top + panel.scrollTop + 12;
}
