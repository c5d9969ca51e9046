import { hexChannels } from "./palette.js";

const VERTEX_SHADER = `#version 300 es
in vec2 a_from;
in vec2 a_to;
in vec4 a_color;
uniform vec4 u_transform;
uniform float u_mix;
uniform float u_radius;
out vec4 v_color;
void main() {
  vec2 world = mix(a_from, a_to, u_mix);
  gl_Position = vec4(world * u_transform.xy + u_transform.zw, 0.0, 1.0);
  gl_PointSize = 2.0 * u_radius + 1.0;
  v_color = a_color;
}`;

const FRAGMENT_SHADER = `#version 300 es
precision highp float;
in vec4 v_color;
uniform float u_radius;
out vec4 color;
void main() {
  float away = length(gl_PointCoord - 0.5) * (2.0 * u_radius + 1.0);
  float alpha = v_color.a * clamp(u_radius + 0.5 - away, 0.0, 1.0);
  color = vec4(v_color.rgb * alpha, alpha);
}`;

/**
 * Draws all points in one call of WebGL 2; a transition mixes two buffers of positions in the
 * shader. Throws if WebGL 2 cannot be had. `onLost` is called once the context is gone for good.
 * @param {HTMLCanvasElement} canvas
 * @param {() => void} onLost
 * @returns {Renderer}
 */
export function createWebglRenderer(canvas, onLost) {
  const gl = canvas.getContext("webgl2", { alpha: false, antialias: false, depth: false });
  if (!gl) throw new Error("this browser gives no WebGL 2");
  const program = linkProgram(gl);
  const uniforms = Object.fromEntries(
    ["u_transform", "u_mix", "u_radius"].map((name) => [
      name,
      gl.getUniformLocation(program, name),
    ]),
  );
  const buffers = { from: gl.createBuffer(), to: gl.createBuffer(), color: gl.createBuffer() };
  const array = gl.createVertexArray();
  gl.bindVertexArray(array);
  attribute(gl, program, "a_from", buffers.from, 2, gl.FLOAT, false);
  attribute(gl, program, "a_to", buffers.to, 2, gl.FLOAT, false);
  attribute(gl, program, "a_color", buffers.color, 4, gl.UNSIGNED_BYTE, true);
  gl.useProgram(program);
  gl.enable(gl.BLEND);
  gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  let count = 0;
  let alive = true;
  const lost = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (alive) onLost();
    alive = false;
  };
  canvas.addEventListener("webglcontextlost", lost);

  const upload = (
    /** @type {WebGLBuffer} */ buffer,
    /** @type {AllowSharedBufferSource} */ values,
  ) => {
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
  };

  return {
    kind: "webgl",
    setPoints(list) {
      count = list.count;
      upload(buffers.from, list.from);
      upload(buffers.to, list.to);
      upload(buffers.color, new Uint8Array(list.colors.buffer, list.colors.byteOffset, 4 * count));
    },
    draw(view) {
      const { width, height } = canvas;
      gl.viewport(0, 0, width, height);
      const [r, g, b] = hexChannels(view.background);
      gl.clearColor(r / 255, g / 255, b / 255, 1);
      gl.clear(gl.COLOR_BUFFER_BIT);
      // From pixels (y down) to clip space (y up).
      gl.uniform4f(
        uniforms.u_transform,
        (2 * view.scaleX) / width,
        (-2 * view.scaleY) / height,
        (2 * view.offsetX) / width - 1,
        1 - (2 * view.offsetY) / height,
      );
      gl.uniform1f(uniforms.u_mix, view.mix);
      gl.uniform1f(uniforms.u_radius, view.radius);
      if (count > 0) gl.drawArrays(gl.POINTS, 0, count);
    },
    /** Waits until the frame is drawn: reading a pixel cannot be put off by the driver. */
    finish() {
      gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
    },
    destroy() {
      alive = false;
      canvas.removeEventListener("webglcontextlost", lost);
    },
  };
}

/**
 * @param {WebGL2RenderingContext} gl
 * @param {WebGLProgram} program
 * @param {string} name
 * @param {WebGLBuffer} buffer
 * @param {number} size
 * @param {number} type
 * @param {boolean} normalized
 */
function attribute(gl, program, name, buffer, size, type, normalized) {
  const location = gl.getAttribLocation(program, name);
  gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
  gl.enableVertexAttribArray(location);
  gl.vertexAttribPointer(location, size, type, normalized, 0, 0);
}

/** @param {WebGL2RenderingContext} gl */
function linkProgram(gl) {
  const program = gl.createProgram();
  gl.attachShader(program, compileShader(gl, gl.VERTEX_SHADER, VERTEX_SHADER));
  gl.attachShader(program, compileShader(gl, gl.FRAGMENT_SHADER, FRAGMENT_SHADER));
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) {
    throw new Error(`the shaders do not link: ${gl.getProgramInfoLog(program)}`);
  }
  return program;
}

/** @param {WebGL2RenderingContext} gl @param {number} type @param {string} source */
function compileShader(gl, type, source) {
  const shader = gl.createShader(type);
  if (!shader) throw new Error("WebGL 2 makes no shader");
  gl.shaderSource(shader, source);
  gl.compileShader(shader);
  if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) {
    throw new Error(`a shader does not compile: ${gl.getShaderInfoLog(shader)}`);
  }
  return shader;
}
