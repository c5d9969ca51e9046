import { messageOf } from "./banner.js";
import { createCanvasRenderer } from "./renderer_canvas.js";
import { createWebglRenderer } from "./renderer_webgl.js";

/** Names by which WebGL on the CPU is known: slower than writing the pixels without it. */
const SOFTWARE_GL = /SwiftShader|llvmpipe|softpipe|Basic Render/i;

/**
 * "canvas" or "webgl", and why: the address may force one; else WebGL 2 on real hardware, else the
 * canvas.
 * @returns {RendererChoice}
 */
export function chooseRenderer() {
  const forced = new URLSearchParams(location.search).get("renderer");
  if (forced === "canvas" || forced === "webgl") {
    return { kind: forced, reason: "chosen by the address" };
  }
  const gl = document.createElement("canvas").getContext("webgl2");
  if (!gl) return { kind: "canvas", reason: "this browser gives no WebGL 2" };
  const info = gl.getExtension("WEBGL_debug_renderer_info");
  const name = String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
  const release = gl.getExtension("WEBGL_lose_context");
  if (release) release.loseContext();
  if (SOFTWARE_GL.test(name)) {
    return { kind: "canvas", reason: "WebGL 2 would run in software here" };
  }
  return { kind: "webgl", reason: name };
}

/**
 * A renderer for `canvas`: {kind, setPoints(list), draw(view), finish(), destroy()}. WebGL that
 * does not start becomes a canvas, with its `reason`; `onLost` is called when WebGL stops later,
 * and the caller then makes a new one with "canvas" for a new element.
 * @param {HTMLCanvasElement} canvas
 * @param {RendererKind} kind
 * @param {() => void} onLost
 * @returns {Renderer}
 */
export function createRenderer(canvas, kind, onLost) {
  if (kind !== "webgl") return createCanvasRenderer(canvas);
  try {
    return createWebglRenderer(canvas, onLost);
  } catch (error) {
    return {
      ...createCanvasRenderer(freshCanvas(canvas)),
      reason: `WebGL 2 did not start: ${messageOf(error)}`,
    };
  }
}

/**
 * A canvas that has given out one kind of context gives no other: it is replaced by a copy without
 * one.
 * @param {HTMLCanvasElement} canvas
 * @returns {HTMLCanvasElement}
 */
export function freshCanvas(canvas) {
  const copy = /** @type {HTMLCanvasElement} */ (canvas.cloneNode(false));
  canvas.replaceWith(copy);
  return copy;
}
