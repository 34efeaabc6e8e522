// Drawing on paper: mouse, finger and pen by pointer events, undo by stroke, the result as a PNG.
//
// Strokes are kept as points and drawn again from them, so that undo, resizing and keeping a drawing across a log-in
// are the same thing.

const INK = "#000000";
const PAPER = "#ffffff";
const BRUSH = 20; // px of the canvas's own 280

export class Drawing {
  constructor(canvas, strokes = []) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.strokes = strokes;
    this.redraw();
    canvas.addEventListener("pointerdown", (event) => this.begin(event));
    canvas.addEventListener("pointermove", (event) => this.go(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (this.current = null));
  }

  get empty() {
    return this.strokes.length === 0;
  }

  begin(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    this.canvas.setPointerCapture(event.pointerId);
    this.current = [this.point(event)];
    this.strokes.push(this.current);
    this.redraw();
  }

  go(event) {
    if (!this.current) return;
    const between = event.getCoalescedEvents?.() ?? [];
    for (const each of between.length ? between : [event]) this.current.push(this.point(each));
    this.redraw();
  }

  point(event) {
    const box = this.canvas.getBoundingClientRect();
    const scaled = (position, start, shown, own) => Math.round(((position - start) / shown) * own);
    return [
      scaled(event.clientX, box.left, box.width, this.canvas.width),
      scaled(event.clientY, box.top, box.height, this.canvas.height),
    ];
  }

  undo() {
    this.strokes.pop();
    this.redraw();
  }

  clear() {
    this.strokes = [];
    this.redraw();
  }

  redraw() {
    const { context, canvas } = this;
    context.fillStyle = PAPER;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.strokeStyle = context.fillStyle = INK;
    context.lineWidth = BRUSH;
    context.lineCap = context.lineJoin = "round";
    for (const [first, ...rest] of this.strokes) {
      context.beginPath();
      context.moveTo(...first);
      for (const point of rest.length ? rest : [first]) context.lineTo(...point);
      context.stroke();
    }
  }

  /** The drawing as a PNG. */
  png() {
    return new Promise((resolve) => this.canvas.toBlob(resolve, "image/png"));
  }
}
