// Drives Kaltura's own analytics plug-in with a made-up player and writes what it sends: one line a beacon, with what the player was doing.
//
//   git clone https://github.com/kaltura/playkit-js-kava && cd playkit-js-kava
//   npm install --no-save --legacy-peer-deps esbuild @playkit-js/playkit-js-providers
//   node …/record.mjs . > …/beacons.jsonl
//
// Time and player are simulated; plug-in, timer, rates and the builder of requests are Kaltura's. Nothing is sent anywhere.

import { createRequire } from 'node:module';
import path from 'node:path';
import vm from 'node:vm';

const source = path.resolve(process.argv[2]);
const esbuild = createRequire(path.join(source, 'x.js'))('esbuild');

const PLAYER = `
class FakeEventTarget {
  constructor() { this.listeners = {}; }
  addEventListener(type, listener) { (this.listeners[type] ||= []).push(listener); }
  dispatchEvent(event) { for (const listener of [...(this.listeners[event.type] || [])]) listener(event); }
}
class FakeEvent { constructor(type, payload) { this.type = type; this.payload = payload; } }
class EventManager {
  constructor() { this.round = 0; }
  listen(target, type, listener) {
    const round = this.round;
    target.addEventListener(type, (event) => { if (round === this.round) listener(event); });
  }
  listenOnce(target, type, listener) {
    let done = false;
    this.listen(target, type, (event) => { if (!done) { done = true; listener(event); } });
  }
  removeAll() { this.round += 1; }
}
class BasePlugin {
  constructor(name, player, config) {
    Object.assign(this, { name, player, config: { ...this.constructor.defaultConfig, ...config } });
    this.eventManager = new EventManager();
    this.logger = { debug() {}, warn() {}, error() {} };
  }
}
const core = { FakeEvent, FakeEventTarget, Error: { Severity: { CRITICAL: 2 } }, Utils: { Http: { protocol: 'https:' }, Object: { copyDeep: (x) => ({ ...x }) } } };
export { BasePlugin, core };
export class KalturaPlayer {}
export class LocalStorageManager { static setItem() {} static getItem() { return null; } }
`;

const provider = path.join(source, 'node_modules/@playkit-js/playkit-js-providers/src/k-provider/ovp/services/analytics/analytics-service.ts');
const resolver = {
  name: 'resolver',
  setup(build) {
    build.onResolve({ filter: /^@playkit-js\/kaltura-player-js$/ }, () => ({ path: 'player', namespace: 'made-up' }));
    build.onResolve({ filter: /^@playkit-js\/playkit-js(-providers\/analytics-service)?$/ }, (args) => ({ path: args.path, namespace: 'made-up' }));
    build.onLoad({ filter: /.*/, namespace: 'made-up' }, ({ path: name }) => {
      if (name === 'player') return { contents: PLAYER };
      if (name.endsWith('analytics-service')) return { contents: `export { default as OVPAnalyticsService } from ${JSON.stringify(provider)};`, resolveDir: source };
      return { contents: 'export const VideoTrack = 0, FakeEvent = 0, Error = {}, Utils = {};' };
    });
  },
};
const built = await esbuild.build({ entryPoints: [path.join(source, 'src/kava.ts')], bundle: true, format: 'cjs', write: false, plugins: [resolver], logLevel: 'error' });

let now = 1_767_600_000_000;
let workers = [];
const written = [];

class Request {
  open(method, url) { Object.assign(this, { method, url }); }
  setRequestHeader() {}
  getAllResponseHeaders() { return ''; }
  send(body) {
    const { player, name, happened } = current;
    const track = player.tracks[player.track];
    const said = { player: name, happened, position: player.isLive() ? player.currentTime - player.duration : player.currentTime, bandwidth: track.bandwidth };
    const query = this.url.slice(this.url.indexOf('?') + 1);
    written.push({ at_ms: now, ...said, query, body: typeof body === 'string' ? body : '' });
    Object.assign(this, { readyState: 4, status: 200, responseText: JSON.stringify({ time: Math.floor(now / 1000), viewEventsEnabled: true }) });
    this.onreadystatechange();
  }
}

class Clock extends Date { static now() { return now; } }
const window = { navigator: { connection: { effectiveType: '4g', addEventListener() {} } } };
const sandbox = {
  module: { exports: {} }, window, console, Date: Clock, Blob, XMLHttpRequest: Request,
  document: { hidden: false, addEventListener() {} },
  performance: { now: () => now, getEntriesByType: () => [{ name: 'embedPlaykitJs/uiconf_id/55', duration: 412.3456 }] },
  URL: { createObjectURL: () => 'blob:' },
  Worker: class { constructor() { workers.push(this); } terminate() { workers = workers.filter((worker) => worker !== this); } },
  localStorage: { getItem: () => null, setItem() {}, removeItem() {} },
};
sandbox.navigator = window.navigator;
vm.runInNewContext(built.outputFiles[0].text, sandbox);
const { Kava } = sandbox.module.exports;

const EVENTS = ['SOURCE_SELECTED', 'ERROR', 'FIRST_PLAY', 'FRAG_LOADED', 'MANIFEST_LOADED', 'TIMED_METADATA', 'TRACKS_CHANGED', 'PLAYING', 'FIRST_PLAYING', 'SEEKING', 'PAUSE', 'ENDED',
  'VIDEO_TRACK_CHANGED', 'AUDIO_TRACK_CHANGED', 'TEXT_TRACK_CHANGED', 'PLAYER_STATE_CHANGED', 'RATE_CHANGE', 'CAN_PLAY', 'LOAD_START', 'VOLUME_CHANGE', 'MUTE_CHANGE', 'ENTER_FULLSCREEN', 'EXIT_FULLSCREEN',
  'PLAY_REACHED_25_PERCENT', 'PLAY_REACHED_50_PERCENT', 'PLAY_REACHED_75_PERCENT', 'PLAY_REACHED_90_PERCENT', 'PLAY_REACHED_100_PERCENT', 'TIME_UPDATE'];

class Player {
  constructor(live) {
    this.listeners = {};
    this.live = live;
    this.Event = { Core: Object.fromEntries(EVENTS.map((name) => [name, name])), VISIBILITY_CHANGE: 'VISIBILITY_CHANGE' };
    Object.assign(this, { muted: false, volume: 1, isVisible: true, currentTime: 0, duration: live ? 600 : 80, playbackRate: 1, playbackRates: [1, 1.5], track: 0, dropped: [0, 0], stats: { availableBuffer: 18, targetBuffer: 30 } });
    this.tracks = [{ bandwidth: 812_000 }, { bandwidth: 3_500_000 }];
    this.config = { playback: { preload: 'none' } };
    this.plugins = { kava: { name: 'kava' } };
    this.sources = {};
    this.Track = { VIDEO: 'video' };
    this.State = { BUFFERING: 'buffering', PLAYING: 'playing' };
    this.StreamType = { PROGRESSIVE: 'progressive' };
    this.streamType = 'hls';
  }
  addEventListener(type, listener) { (this.listeners[type] ||= []).push(listener); }
  dispatchEvent(event) { for (const listener of [...(this.listeners[event.type] || [])]) listener(event); }
  isLive() { return this.live; }
  isDvr() { return this.live; }
  isImage() { return false; }
  isUntimedImg() { return false; }
  isInPictureInPicture() { return false; }
  isAdaptiveBitrateEnabled() { return true; }
  getTracks() { return this.tracks; }
  getActiveTracks() { return { video: this.tracks[this.track], audio: { language: 'en' } }; }
  getVideoElement() { return { getVideoPlaybackQuality: () => ({ droppedVideoFrames: this.dropped[0], totalVideoFrames: this.dropped[1] }) }; }
}

let current;

/** A player, and what a viewer does with it. */
class Viewer {
  constructor(name, live, config) {
    this.player = new Player(live);
    this.name = name;
    this.happened = 'load';
    current = this;
    const common = { partnerId: 1234567, playerVersion: '3.17.77', referrer: 'https://www.example.com:8443/watch/1?token=T0KEN', ks: 'K5K5K5', uiConfId: 55, sessionId: `${name}-session` };
    this.kava = new Kava('kava', this.player, { ...common, ...config });
    this.kava.loadMedia();
  }
  happens(type, payload) {
    current = this;
    this.happened = type;
    this.player.dispatchEvent({ type, payload });
  }
  start() {
    this.happens('SOURCE_SELECTED');
    this.happens('FIRST_PLAY');
    this.happens('LOAD_START');
    now += 1_250;
    this.happens('CAN_PLAY');
    this.happens('TRACKS_CHANGED');
    this.happens('MANIFEST_LOADED', { miliSeconds: 120.4 });
    this.happens('PLAYING');
    this.happens('FIRST_PLAYING');
  }
  /** Some seconds, in which the media goes on or stands still. */
  seconds(count, { playing = true, edge = 0 } = {}) {
    for (let second = 0; second < count; second += 1) {
      const before = this.player.currentTime;
      now += 1_000;
      if (this.player.live) this.player.duration += 1;
      if (playing) {
        this.player.currentTime = this.player.live ? this.player.duration - edge : before + this.player.playbackRate;
        this.player.dropped = [this.player.dropped[0] + 1, this.player.dropped[1] + 25];
        this.happens('FRAG_LOADED', { url: 'https://cdn.example/seg', miliSeconds: 850, bytes: 400_000 });
        if (!this.player.live) {
          this.happens('TIME_UPDATE');
          for (const percent of [25, 50, 75, 90]) {
            const at = (this.player.duration * percent) / 100;
            if (before < at && this.player.currentTime >= at) this.happens(`PLAY_REACHED_${percent}_PERCENT`);
          }
        }
      }
      this.happened = 'tick';
      for (const worker of [...workers]) worker.onmessage();
    }
  }
  state(from, to) { this.happens('PLAYER_STATE_CHANGED', { oldState: { type: from }, newState: { type: to } }); }
  stall(count) {
    this.state('playing', 'buffering');
    this.seconds(count, { playing: false });
    this.state('buffering', 'playing');
  }
  pause(count) {
    this.happens('PAUSE');
    this.seconds(count, { playing: false });
    this.happens('PLAYING');
  }
}

function vod(name, requestMethod) {
  const viewer = new Viewer(name, false, { entryId: '1_vod00001', requestMethod, customVar1: 'a & b=c', application: 'site', userId: 'u-7', persistentSessionId: 'p-1' });
  const { player } = viewer;
  viewer.start();
  viewer.seconds(12);
  viewer.stall(2);
  player.track = 1;
  viewer.happens('VIDEO_TRACK_CHANGED', { selectedVideoTrack: player.tracks[1] });
  viewer.seconds(9);
  viewer.happens('ENTER_FULLSCREEN');
  viewer.pause(5);
  player.currentTime = 50;
  viewer.happens('SEEKING');
  viewer.seconds(6);
  player.playbackRate = 1.5;
  viewer.happens('RATE_CHANGE');
  player.muted = true;
  viewer.happens('MUTE_CHANGE');
  viewer.seconds(10);
  // So long a pause that the player begins to count anew.
  viewer.pause(35);
  player.playbackRate = 1;
  viewer.happens('share_clicked');
  viewer.seconds(9);
  viewer.happens('PLAY_REACHED_100_PERCENT');
  viewer.happens('ENDED');
  viewer.happens('ERROR', { severity: 2, code: 1002, data: { url: 'https://cdn.example/seg?ks=K5K5K5' } });
  workers = [];
}

function live(name) {
  const viewer = new Viewer(name, true, { entryId: '0_live0001' });
  viewer.player.currentTime = 600;
  viewer.start();
  viewer.seconds(21);
  viewer.stall(3);
  viewer.seconds(10, { edge: 7.5 });
  viewer.seconds(20, { edge: 150 });
  viewer.happens('PAUSE');
  workers = [];
}

vod('post', 'POST');
vod('get', 'GET');
live('live');
for (const line of written) console.log(JSON.stringify(line));
