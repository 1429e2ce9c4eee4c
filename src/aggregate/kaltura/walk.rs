//! Through a window's beacons of one session, in order of time, with what is carried of it.

use smallvec::SmallVec;

use super::counts::Counts;
use super::life::Life;
use super::retention::{Moment, Watched};
use super::run::{Growth, NORMAL, Place};
use super::sample::{Flag, Sample, Slot};
use crate::model::kaltura::{Entry, Event, Playback, Quartile};

/// No speed is higher, in thousandths.
const FASTEST: i64 = 16_000;
/// What a view stands for, ms.
const VIEW_MS: i64 = 10_000;
/// No stall between two beacons is longer, ms.
const LONGEST_STALL_MS: i64 = 600_000;

/// What a session did in one scene, as one viewer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) scene: u32,
    pub(super) viewer: u64,
    pub(super) counts: Counts,
    /// Its views by flavour: the index of the name, and how many.
    pub(super) flavors: SmallVec<[(u32, i64); 1]>,
}

/// What one session did in a window; the memory is used again from session to session.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// Nearly always one.
    pub(super) blocks: Vec<Block>,
    pub(super) watched: Watched,
}

/// A session while its beacons are counted.
pub(super) struct Walk<'w, 'l> {
    blocks: &'w mut Vec<Block>,
    state: State<'w, 'l>,
}

/// All of it but what was counted.
struct State<'w, 'l> {
    life: &'w mut Life<'l>,
    /// Of the whole session so far: errors, plays, and how often each part was reached.
    errors: i64,
    plays: i64,
    reached: [i64; Quartile::ALL.len()],
    watched: &'w mut Watched,
    /// The entry's duration by the catalogue, now or before.
    fed_ms: Option<i64>,
    is_alive: bool,
}

impl<'w, 'l> Walk<'w, 'l> {
    /// Goes on where the session stands; `known` is what the catalogue tells of its entry. What it does takes the place of what `walked` held.
    pub(super) fn new(life: &'w mut Life<'l>, known: Option<&Entry>, walked: &'w mut Walked) -> Self {
        let Walked { blocks, watched } = walked;
        blocks.clear();
        watched.clear();
        let totals = &life.totals;
        let reached = [totals.reached_25, totals.reached_50, totals.reached_75, totals.reached_90, totals.reached_100];
        let (errors, plays) = (totals.errors, totals.plays);
        let fed_ms = known.and_then(|known| known.duration_ms).or(life.progress.fed_ms());
        Self { blocks, state: State { life, errors, plays, reached, watched, fed_ms, is_alive: false } }
    }

    /// Whether any beacon counts.
    pub(super) const fn is_alive(&self) -> bool {
        self.state.is_alive
    }

    /// Counts a beacon. They come in order of time; `playback` is how its scene is played.
    pub(super) fn count(&mut self, sample: &Sample, playback: Playback) {
        let Some(Block { counts, flavors, .. }) = block_at(self.blocks, sample.scene, sample.viewer) else {
            return;
        };
        let views = counts.views;
        self.state.count_in(counts, sample, playback);
        let Some(flavor) = sample.flavor.filter(|_| counts.views > views) else { return };
        match flavors.iter_mut().find(|(known, _)| *known == flavor) {
            Some((_, count)) => *count += 1,
            None => flavors.push((flavor, 1)),
        }
    }
}

impl State<'_, '_> {
    fn count_in(&mut self, counts: &mut Counts, sample: &Sample, playback: Playback) {
        if sample.has(Flag::Late) {
            counts.records_late += 1;
            return;
        }
        let speed = sample.get(Slot::Speed).map(|speed| speed.clamp(0, FASTEST));
        // What was played since the beacon before may have been so at either speed.
        let fastest = self.life.speed_permille.max(speed.unwrap_or(NORMAL)).max(NORMAL);
        let entered = self.life.runs.enter(sample, fastest);
        if entered.place == Place::Copy {
            counts.duplicates += 1;
            return;
        }
        self.is_alive = true;
        self.life.speed_permille = speed.unwrap_or(self.life.speed_permille);
        self.life.last_ms = self.life.last_ms.max(sample.time_ms);
        self.life.viewer = sample.viewer;
        counts.records += 1;
        counts.records_clamped += i64::from(sample.has(Flag::Clamped));
        counts.members_rejected += i64::from(sample.members_rejected);
        counts.restarts += i64::from(entered.is_restart);
        // The player numbers what the page around it reports, and does not send the number.
        let is_numbered = sample.index.is_some() || matches!(sample.event, Event::Application(10_002 | 10_003));
        counts.beacons_received += i64::from(is_numbered);
        if let Place::Newest(expected) = entered.place {
            counts.beacons_expected += i64::from(expected);
        }
        count_growth(counts, &entered.growth, sample, playback);
        let mut moment = moment(sample, playback);
        counts.positions_rejected += i64::from(moment.drop_beyond(self.fed_ms));
        self.count_event(counts, sample, &moment);
        if entered.place != Place::Overtaken {
            self.life.progress.step(&moment, self.fed_ms, self.watched);
        }
    }

    fn count_event(&mut self, counts: &mut Counts, sample: &Sample, moment: &Moment) {
        match sample.event {
            Event::Impression => {
                counts.impressions += 1;
                measure(sample.get(Slot::PlayerLoad), &mut counts.player_load_ms, &mut counts.player_loads);
            }
            Event::PlayRequest => counts.play_requests += 1,
            Event::Play => {
                counts.plays += 1;
                self.plays += 1;
                self.life.reached = 0;
                measure(sample.get(Slot::Join), &mut counts.startup_ms, &mut counts.startups);
            }
            Event::Resume => counts.resumes += 1,
            Event::Reached(part) => self.count_reached(counts, part),
            Event::Pause => counts.pauses += 1,
            Event::Replay => {
                counts.replays += 1;
                self.life.reached = 0;
            }
            Event::Seek => counts.seeks += 1,
            Event::SourceSelected => counts.sources_selected += 1,
            Event::Speed => counts.speed_changes += 1,
            Event::FlavorSwitch => counts.flavor_switches += 1,
            Event::BufferStart => {
                counts.stalls += 1;
                self.life.stalled_ms = Some(sample.time_ms);
            }
            Event::BufferEnd => {
                let stalled_ms = self.life.stalled_ms.take().map(|since_ms| sample.time_ms.saturating_sub(since_ms));
                counts.stall_pairs_ms += stalled_ms.unwrap_or(0).clamp(0, LONGEST_STALL_MS);
            }
            Event::Error => self.count_error(counts, sample, moment),
            Event::View => count_view(counts, sample, moment.playback),
            Event::Interaction(_) => counts.interactions += 1,
            Event::Application(_) => counts.application_events += 1,
            Event::Unknown => counts.unknown_events += 1,
        }
    }

    /// A part of the entry was reached: it counts once for each play or replay, and never more often than there were plays.
    fn count_reached(&mut self, counts: &mut Counts, part: Quartile) {
        let (bit, plays) = (1 << part as u64, self.plays);
        let Some(often) = self.reached.get_mut(part as usize) else { return };
        if self.life.reached & bit != 0 || *often >= plays {
            counts.reached_again += 1;
            return;
        }
        self.life.reached |= bit;
        *often += 1;
        match part {
            Quartile::First => counts.reached_25 += 1,
            Quartile::Second => counts.reached_50 += 1,
            Quartile::Third => counts.reached_75 += 1,
            Quartile::NineTenths => counts.reached_90 += 1,
            Quartile::Fourth => counts.reached_100 += 1,
        }
    }

    fn count_error(&mut self, counts: &mut Counts, sample: &Sample, moment: &Moment) {
        counts.errors += 1;
        counts.sessions_with_error += i64::from(self.errors == 0);
        self.errors += 1;
        counts.errors_before_request += i64::from(sample.has(Flag::BeforePlayRequest));
        counts.errors_before_start += i64::from(sample.has(Flag::BeforeFirstFrame));
        counts.errors_mid_stream += i64::from(sample.has(Flag::MidStream));
        counts.errors_no_position += i64::from(moment.position_ms.unwrap_or(0) == 0);
    }
}

/// Where a beacon says that its player is.
fn moment(sample: &Sample, playback: Playback) -> Moment {
    Moment {
        time_ms: sample.time_ms,
        event: sample.event,
        position_ms: sample.get(Slot::Position),
        target_position_ms: sample.get(Slot::Target),
        playback,
        speed_permille: sample.get(Slot::Speed),
        buffer_ms: sample.get(Slot::Stall),
    }
}

/// The block of a scene and viewer, entered when it is new.
fn block_at(blocks: &mut Vec<Block>, scene: u32, viewer: u64) -> Option<&mut Block> {
    let known = blocks.iter().position(|block| (block.scene, block.viewer) == (scene, viewer));
    let index = known.unwrap_or(blocks.len());
    if known.is_none() {
        blocks.push(Block { scene, viewer, ..Block::default() });
    }
    blocks.get_mut(index)
}

/// A value that may be missing, and that it was there.
fn measure(value: Option<i64>, sum: &mut i64, count: &mut i64) {
    if let Some(value) = value {
        *sum = sum.saturating_add(value);
        *count += 1;
    }
}

fn count_growth(counts: &mut Counts, growth: &Growth, sample: &Sample, playback: Playback) {
    let is_engaged = sample.has(Flag::SoundOn) && sample.has(Flag::Focused);
    let play_ms = growth.play_ms;
    counts.play_ms += play_ms;
    if playback.is_live() {
        counts.play_live_ms += play_ms;
    }
    if playback == Playback::Vod {
        counts.play_vod_ms += play_ms;
    }
    if is_engaged {
        counts.play_engaged_ms += play_ms;
        counts.play_live_engaged_ms += if playback.is_live() { play_ms } else { 0 };
    }
    counts.stall_ms += growth.stall_ms;
    counts.sums_clamped += growth.clamped;
}

fn count_view(counts: &mut Counts, sample: &Sample, playback: Playback) {
    counts.views += 1;
    counts.view_time_ms += VIEW_MS;
    counts.views_live += i64::from(playback.is_live());
    counts.views_dvr += i64::from(playback == Playback::Dvr);
    let stalled_ms = sample.get(Slot::Stall).unwrap_or(0).clamp(0, LONGEST_STALL_MS);
    counts.views_buffering += i64::from(stalled_ms > 0);
    counts.view_stall_ms += stalled_ms;
    let (on, off) = (sample.has(Flag::SoundOn), sample.has(Flag::SoundOff));
    let (focused, unfocused) = (sample.has(Flag::Focused), sample.has(Flag::Unfocused));
    let bucket = match (on, off, focused, unfocused) {
        (true, _, true, _) if sample.has(Flag::FullScreen) => &mut counts.views_high,
        (true, _, true, _) => &mut counts.views_good,
        (true, _, _, true) => &mut counts.views_fair,
        (_, true, true, _) => &mut counts.views_low,
        (_, true, _, true) => &mut counts.views_none,
        _ => &mut counts.views_unknown,
    };
    *bucket += 1;
    for (slot, sum, count) in [
        (Slot::Bitrate, &mut counts.bitrate_bps, &mut counts.bitrates),
        (Slot::Bandwidth, &mut counts.bandwidth_bps, &mut counts.bandwidths),
        (Slot::SegmentDownload, &mut counts.segment_download_ms, &mut counts.segment_downloads),
        (Slot::ManifestDownload, &mut counts.manifest_download_ms, &mut counts.manifest_downloads),
        (Slot::Latency, &mut counts.latency_ms, &mut counts.latencies),
        (Slot::DroppedFrames, &mut counts.dropped_frames_ppm, &mut counts.dropped_frames),
        (Slot::ForwardBuffer, &mut counts.forward_buffer_ppm, &mut counts.forward_buffers),
    ] {
        measure(sample.get(slot), sum, count);
    }
}
