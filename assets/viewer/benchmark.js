/**
 * Zooms in and out about the middle of a map for `seconds`; every frame is drawn and waited for.
 * @param {Pane} pane
 * @param {number} seconds
 */
export function runBenchmark(pane, seconds) {
  return new Promise((resolve) => {
    const begin = performance.now();
    let frames = 0;
    let drawing = 0;
    const step = () => {
      const now = performance.now();
      const elapsed = (now - begin) / 1000;
      if (elapsed >= seconds) {
        pane.invalidate();
        resolve({
          frames,
          seconds: elapsed,
          fps: frames / elapsed,
          milliseconds: drawing / frames,
        });
        return;
      }
      // From the whole map to eight times its size and back, once in three seconds.
      pane.drawNow({ x: 0, y: 0, zoom: 2 ** (1.5 - 1.5 * Math.cos((2 * Math.PI * elapsed) / 3)) });
      pane.renderer.finish();
      frames++;
      drawing += performance.now() - now;
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  });
}
