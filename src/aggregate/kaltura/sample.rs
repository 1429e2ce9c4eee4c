//! What a window keeps of a beacon, and how it keeps those of a session: packed, in the order in which they came.
//!
//! R1  Of a session and window, the first beacons by time are kept, up to the cap; the rest is only counted. What comes out is in order, so
//!     that nothing depends on arrival.

use super::scene::Scenes;
use crate::model::bytes::{Reader, Short, Writer};
use crate::model::hash::stable_hash;
use crate::model::kaltura::{Beacon, ErrorPhase, Event, Quartile};

/// A number that a beacon may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Slot {
    Position,
    Target,
    Speed,
    PlaySum,
    Stall,
    StallSum,
    Join,
    PlayerLoad,
    Bitrate,
    Bandwidth,
    SegmentDownload,
    ManifestDownload,
    Latency,
    DroppedFrames,
    ForwardBuffer,
}

/// About as many bytes as a view takes.
const SAMPLE_BYTES: usize = 64;

const SLOTS: usize = Slot::ForwardBuffer as usize + 1;
/// Numbers before those of the slots in what a beacon says.
const HEAD: usize = 4;

/// What a beacon says with yes or no, and what is known of it beside its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Flag {
    /// Its own window was final already.
    Late,
    /// Its time was moved.
    Clamped,
    SoundOn,
    SoundOff,
    Focused,
    Unfocused,
    FullScreen,
    BeforePlayRequest,
    BeforeFirstFrame,
    MidStream,
}

/// What is kept of a beacon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) time_ms: i64,
    pub(super) index: Option<u32>,
    pub(super) event: Event,
    flags: u32,
    pub(super) members_rejected: u32,
    /// The published hash of the viewer.
    pub(super) viewer: u64,
    /// Which values there are, a bit for each slot.
    mask: u32,
    values: [i64; SLOTS],
    /// The index of its scene: it depends on arrival, so that the scene itself decides where nothing else does.
    pub(super) scene: u32,
    /// The index of the name of the flavour that is played, likewise.
    pub(super) flavor: Option<u32>,
}

impl Sample {
    /// Of a beacon that came at this time.
    pub(super) fn of(beacon: &Beacon<'_>, time_ms: i64, scene: u32, viewer: u64) -> Self {
        let mut sample = Self { time_ms, event: beacon.event, scene, viewer, ..Self::new() };
        (sample.index, sample.members_rejected) = (beacon.index, beacon.members_rejected);
        for (slot, value) in [
            (Slot::Position, beacon.position_ms),
            (Slot::Target, beacon.target_position_ms),
            (Slot::Speed, beacon.speed_permille),
            (Slot::PlaySum, beacon.play_sum_ms),
            (Slot::Stall, beacon.buffer_ms),
            (Slot::StallSum, beacon.buffer_sum_ms),
            (Slot::Join, beacon.join_ms),
            (Slot::PlayerLoad, beacon.player_load_ms),
            (Slot::Bitrate, beacon.bitrate_bps),
            (Slot::Bandwidth, beacon.bandwidth_bps),
            (Slot::SegmentDownload, beacon.segment_download_ms),
            (Slot::ManifestDownload, beacon.manifest_download_ms),
            (Slot::Latency, beacon.latency_ms),
            (Slot::DroppedFrames, beacon.dropped_frames_ppm),
            (Slot::ForwardBuffer, beacon.forward_buffer_ppm),
        ] {
            if let (Some(value), Some(place)) = (value, sample.values.get_mut(slot as usize)) {
                *place = value;
                sample.mask |= 1 << slot as usize;
            }
        }
        for (flag, is_set) in [
            (Flag::SoundOn, beacon.sound_on == Some(true)),
            (Flag::SoundOff, beacon.sound_on == Some(false)),
            (Flag::Focused, beacon.tab_focused == Some(true)),
            (Flag::Unfocused, beacon.tab_focused == Some(false)),
            (Flag::FullScreen, beacon.full_screen == Some(true)),
            (Flag::BeforePlayRequest, beacon.error_phase == Some(ErrorPhase::BeforePlayRequest)),
            (Flag::BeforeFirstFrame, beacon.error_phase == Some(ErrorPhase::BeforeFirstFrame)),
            (Flag::MidStream, beacon.error_phase == Some(ErrorPhase::MidStream)),
        ] {
            sample.set(flag, is_set);
        }
        sample
    }

    const fn new() -> Self {
        Self {
            time_ms: 0,
            index: None,
            event: Event::Unknown,
            flags: 0,
            members_rejected: 0,
            viewer: 0,
            mask: 0,
            values: [0; SLOTS],
            scene: 0,
            flavor: None,
        }
    }

    /// The number in a slot.
    pub(super) fn get(&self, slot: Slot) -> Option<i64> {
        let place = slot as usize;
        if self.mask >> place & 1 == 0 { None } else { self.values.get(place).copied() }
    }

    pub(super) const fn has(&self, flag: Flag) -> bool {
        self.flags >> flag as u32 & 1 == 1
    }

    pub(super) fn set(&mut self, flag: Flag, is_set: bool) {
        self.flags |= u32::from(is_set) << flag as u32;
    }

    /// The published hash of what the player said, without the time at which it came; never 0.
    pub(super) fn content(&self) -> u32 {
        let (tag, number) = code(self.event);
        let said = self.flags & !(1 << Flag::Late as u32 | 1 << Flag::Clamped as u32);
        let head = [i64::from(tag), i64::from(number), i64::from(said), i64::from(self.mask)];
        // In one piece: a hasher that is fed number by number takes several times as long.
        let mut said = [[0; 8]; HEAD + SLOTS];
        for (place, number) in said.iter_mut().zip(head.iter().chain(&self.values)) {
            *place = number.to_le_bytes();
        }
        (stable_hash(said.as_flattened()) as u32).max(1)
    }

    /// By time; what came at once, by index, then by all else.
    fn order(&self) -> impl Ord + '_ {
        let said = (self.flags, self.mask, &self.values, self.viewer, self.members_rejected);
        (self.time_ms, self.index, self.event, said)
    }

    fn write(&self, out: &mut Writer, start_ms: i64) {
        out.integer(self.time_ms.wrapping_sub(start_ms));
        out.unsigned(self.index.map_or(0, |index| u64::from(index).wrapping_add(1)));
        let (tag, number) = code(self.event);
        out.byte(tag);
        out.unsigned(u64::from(number));
        for number in [self.flags, self.members_rejected, self.scene, self.mask] {
            out.unsigned(u64::from(number));
        }
        out.unsigned(self.flavor.map_or(0, |flavor| u64::from(flavor).wrapping_add(1)));
        out.fixed(self.viewer);
        let present = self.values.iter().zip(0..).filter(|(_, place)| self.mask >> place & 1 == 1);
        present.for_each(|(value, _)| out.integer(*value));
    }

    fn read(input: &mut Reader<'_>, start_ms: i64) -> Result<Self, Short> {
        let mut sample = Self { time_ms: input.integer()?.wrapping_add(start_ms), ..Self::new() };
        sample.index = input.unsigned()?.checked_sub(1).and_then(|index| u32::try_from(index).ok());
        let (tag, number) = (input.byte()?, input.unsigned()?);
        sample.event = event(tag, u16::try_from(number).unwrap_or(u16::MAX));
        let Self { flags, members_rejected, scene, mask, .. } = &mut sample;
        for number in [flags, members_rejected, scene, mask] {
            *number = u32::try_from(input.unsigned()?).unwrap_or(0);
        }
        sample.flavor = input.unsigned()?.checked_sub(1).and_then(|flavor| u32::try_from(flavor).ok());
        sample.viewer = input.fixed()?;
        for (value, place) in sample.values.iter_mut().zip(0..) {
            if sample.mask >> place & 1 == 1 {
                *value = input.integer()?;
            }
        }
        Ok(sample)
    }
}

/// An event's tag, and the number that some have besides. Carries have hashes of tags: none may change.
const fn code(event: Event) -> (u8, u16) {
    let tag = match event {
        Event::Unknown => 0,
        Event::Impression => 1,
        Event::PlayRequest => 2,
        Event::Play => 3,
        Event::Resume => 4,
        Event::Pause => 5,
        Event::Replay => 6,
        Event::Seek => 7,
        Event::SourceSelected => 8,
        Event::Speed => 9,
        Event::FlavorSwitch => 10,
        Event::BufferStart => 11,
        Event::BufferEnd => 12,
        Event::Error => 13,
        Event::View => 14,
        Event::Reached(Quartile::First) => 15,
        Event::Reached(Quartile::Second) => 16,
        Event::Reached(Quartile::Third) => 17,
        Event::Reached(Quartile::NineTenths) => 18,
        Event::Reached(Quartile::Fourth) => 19,
        Event::Interaction(number) => return (20, number),
        Event::Application(number) => return (21, number),
    };
    (tag, 0)
}

/// The event of which [`code`] gave this.
const fn event(tag: u8, number: u16) -> Event {
    match tag {
        1 => Event::Impression,
        2 => Event::PlayRequest,
        3 => Event::Play,
        4 => Event::Resume,
        5 => Event::Pause,
        6 => Event::Replay,
        7 => Event::Seek,
        8 => Event::SourceSelected,
        9 => Event::Speed,
        10 => Event::FlavorSwitch,
        11 => Event::BufferStart,
        12 => Event::BufferEnd,
        13 => Event::Error,
        14 => Event::View,
        15 => Event::Reached(Quartile::First),
        16 => Event::Reached(Quartile::Second),
        17 => Event::Reached(Quartile::Third),
        18 => Event::Reached(Quartile::NineTenths),
        19 => Event::Reached(Quartile::Fourth),
        20 => Event::Interaction(number),
        21 => Event::Application(number),
        _ => Event::Unknown,
    }
}

/// The beacons of one session and window.
#[derive(Debug, Default)]
pub(super) struct Samples {
    packed: Writer,
    kept: usize,
    /// How many came.
    pub(super) count: usize,
}

impl Samples {
    /// Keeps a beacon. Up to twice the cap are kept while the window is open, so that not each one beyond it costs a sort.
    pub(super) fn push(&mut self, sample: &Sample, start_ms: i64, cap: usize, scenes: &impl Scenes) {
        if self.kept >= cap.saturating_mul(2) {
            let mut first = Vec::with_capacity(self.kept);
            self.sorted(start_ms, cap, scenes, &mut first);
            self.packed.clear();
            first.iter().for_each(|sample| sample.write(&mut self.packed, start_ms));
            self.kept = first.len();
        }
        if self.kept == 0 {
            self.packed.reserve(SAMPLE_BYTES);
        }
        sample.write(&mut self.packed, start_ms);
        self.kept += 1;
        self.count += 1;
    }

    /// Those that count, in order.
    pub(super) fn sorted(&self, start_ms: i64, cap: usize, scenes: &impl Scenes, out: &mut Vec<Sample>) {
        out.clear();
        let mut input = Reader::new(self.packed.as_bytes());
        while !input.is_empty() {
            // It was written above.
            let Ok(sample) = Sample::read(&mut input, start_ms) else { return };
            out.push(sample);
        }
        let texts =
            |sample: &Sample| (scenes.text(sample.scene), sample.flavor.map_or("", |flavor| scenes.text(flavor)));
        out.sort_unstable_by(|left, right| {
            left.order().cmp(&right.order()).then_with(|| texts(left).cmp(&texts(right)))
        });
        out.truncate(cap);
    }

    /// How many bytes it has reserved.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.packed.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_back_by_their_tags() {
        for tag in 0..=21 {
            let number = if tag < 20 { 0 } else { 10_002 };
            assert_eq!(code(event(tag, number)), (tag, number));
        }
    }
}
