"use strict";
/*
 * Sends the TLS connections of a Node.js program through the proxy in HTTPS_PROXY.
 *
 * Node.js does not read HTTPS_PROXY by itself, and the AWS SDK for JavaScript creates agents of its own, which
 * NODE_USE_ENV_PROXY does not reach either. `lab env` loads this file with NODE_OPTIONS=--require. node:https, node:http2
 * and fetch all open their connections with tls.connect, which is replaced here. Hosts in NO_PROXY and connections over
 * an existing socket are left alone.
 */
const http = require("node:http");
const tls = require("node:tls");
const { Duplex } = require("node:stream");
const { syncBuiltinESMExports } = require("node:module");

const HTTPS_PORT = 443;
const connectDirectly = tls.connect;

/** A connection through the proxy's CONNECT. Bytes that are written before the proxy has answered wait. */
class Tunnel extends Duplex {
  constructor(proxy, target) {
    super();
    this.socket = null;
    this.isReferenced = true;
    this.startWriting = null;
    const { hostname, port } = new URL(proxy);
    this.request = http.request({ host: hostname, port, method: "CONNECT", path: target, agent: false });
    this.request.once("connect", (response, socket, head) => this.open(response, socket, head, target));
    this.request.once("error", (error) => this.destroy(new Error(`The lab's proxy ${proxy}: ${error.message}`)));
    this.request.end();
  }

  open(response, socket, head, target) {
    this.socket = socket;
    if (response.statusCode !== 200) {
      this.destroy(new Error(`${target}: ${response.statusMessage}`));
      return;
    }
    socket.on("data", (chunk) => this.push(chunk) || socket.pause());
    socket.once("end", () => this.push(null));
    socket.once("error", (error) => this.destroy(error));
    socket.once("close", () => this.destroy());
    if (head.length > 0) this.push(head);
    if (!this.isReferenced) socket.unref();
    if (this.startWriting) this.startWriting();
  }

  setReferenced(isReferenced) {
    this.isReferenced = isReferenced;
    if (this.socket) this.socket[isReferenced ? "ref" : "unref"]();
  }

  _read() {
    if (this.socket) this.socket.resume();
  }

  _write(chunk, encoding, callback) {
    this.whenOpen(() => this.socket.write(chunk, encoding, callback));
  }

  _final(callback) {
    this.whenOpen(() => this.socket.end(callback));
  }

  _destroy(error, callback) {
    this.request.destroy();
    if (this.socket) this.socket.destroy();
    callback(error);
  }

  whenOpen(action) {
    if (this.socket) action();
    else this.startWriting = action;
  }
}

function proxyOf(host) {
  const { HTTPS_PROXY, https_proxy, NO_PROXY, no_proxy } = process.env;
  const direct = (NO_PROXY || no_proxy || "").split(",");
  const isDirect = direct.some((entry) => entry && (host === entry || host.endsWith(`.${entry.replace(/^\./, "")}`)));
  return isDirect ? undefined : HTTPS_PROXY || https_proxy;
}

/** Return the options and the callback of tls.connect(options), (path, …), (port, …) or (port, host, …). */
function readArguments(values) {
  const rest = [...values];
  const callback = typeof rest.at(-1) === "function" ? rest.pop() : undefined;
  const options = {};
  if (typeof rest[0] === "string" && !/^\d+$/.test(rest[0])) options.path = rest.shift();
  else if (typeof rest[0] !== "object") options.port = rest.shift();
  if (typeof rest[0] === "string") options.host = rest.shift();
  return [Object.assign(options, rest[0]), callback];
}

tls.connect = function connect(...values) {
  const [options, callback] = readArguments(values);
  const host = (options.host || options.hostname || "localhost").replace(/^\[(.*)\]$/, "$1");
  const proxy = options.socket || options.path ? undefined : proxyOf(host);
  if (!proxy) return connectDirectly.apply(tls, values);
  const target = `${host.includes(":") ? `[${host}]` : host}:${options.port || HTTPS_PORT}`;
  const tunnel = new Tunnel(proxy, target);
  const socket = connectDirectly.call(tls, { servername: host, ...options, socket: tunnel }, callback);
  tunnel.once("error", (error) => socket.destroy(error));
  for (const [name, isReferenced] of [["ref", true], ["unref", false]]) {
    const change = socket[name];
    socket[name] = function changeReference() {
      tunnel.setReferenced(isReferenced);
      return change.call(this);
    };
  }
  return socket;
};
syncBuiltinESMExports();
